#!/usr/bin/env bash
# Compiles the example GPT with BitPipe for four devices and trains it on text.
#
#   scripts/demo.sh [TEXT]      # default: the licence texts that Debian carries
set -euo pipefail
cd "$(dirname "$0")/.."
text=${1:-}
out=build/demo
steps=${STEPS:-300}
mkdir -p "$out"
if [[ -z $text ]]; then
  text=$out/licences.txt
  cat /usr/share/common-licenses/{GPL-3,LGPL-2.1,GFDL-1.3,Apache-2.0,MPL-2.0,GPL-2,Artistic} > "$text"
fi
[[ -r $text ]] || { echo "demo: cannot read '$text', expected a text file" >&2; exit 1; }

echo "== bitpipe-opt: examples/gpt-1m.onnx to a BitPipe plan for 4 devices"
build/bin/bitpipe-opt examples/gpt-1m.onnx --pipeline=bitpipe --devices=4 --force -o "$out/plan.mlir"
build/bin/bitpipe-opt examples/gpt-1m.onnx --pipeline=bitpipe --devices=4 --emit=timeline --force -o "$out/timeline.svg"

echo "== bitpipe-run: $steps steps on $text"
build/bin/bitpipe-run "$out/plan.mlir" --data="$text" --steps="$steps" --lr=2e-3 --warmup=20 --lr-schedule=cosine \
  --clip=1.0 --force --metrics="$out/metrics.jsonl" --trace="$out/trace.json" --save="$out/weights.safetensors"

PYTHONPATH=python build/venv/bin/python -m bitpipe.plot "$out/metrics.jsonl" --text="$text" --force -o "$out/loss.png"
echo "loss curve: $out/loss.png   timeline: $out/timeline.svg   trace: $out/trace.json   weights: $out/weights.safetensors"
