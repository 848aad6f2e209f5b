"""Memory of one device that trains a GPT: planned, measured, and beside PyTorch eager.

    python bench/memory.py [--works gpt-512-512-1,gpt-512-1024-1,gpt2]

The works of one layer show how it grows with the sequence. Planned is what bitpipe-opt says that the device needs; a
process is the most that it held, with the program, libraries and data. --attention=decomposed keeps the scores, as
exported graphs do. Two steps of two micro-batches, one after the other (1f1b)."""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import process
import train
import works

SEQUENCES = [512, 1024, 2048, 4096, 8192]
DEFAULT = [f"gpt-512-{n}-1" for n in SEQUENCES] + ["gpt2"]
KINDS = {"in one piece": [], "decomposed": ["--attention=decomposed"], "bf16": ["--precision=bf16"]}
MIB = 1 << 20


def bitpipe(work, folder, options):
    """Planned and measured bytes, and the losses."""
    plan, metrics = folder / "plan.mlir", folder / "metrics.jsonl"
    done = subprocess.run([train.BIN / "bitpipe-opt", folder / "model.onnx", "--pipeline=1f1b", "--devices=1",
                           f"--microbatches={work['microbatches']}", *options, "--force", "-o", plan],
                          capture_output=True, text=True, check=True)
    planned = float(re.findall(r"^ +0 .* ([0-9.]+)$", done.stderr, re.M)[-1]) * MIB
    measured = process.run([train.BIN / "bitpipe-run", plan, f"--data={folder}/data.safetensors", "--steps=2", "--force",
                            f"--metrics={metrics}", f"--threads={train.THREADS}"])
    return planned, measured.memory, [json.loads(line)["loss"] for line in metrics.read_text().splitlines()]


def show(name):
    work = works.work(name)
    print(f"{name}: {work['layers']} layers, hidden {work['hidden']}, sequence {work['sequence']}, vocabulary {work['vocabulary']}")
    eager = train.pytorch(name, "eager", 2)
    print(f"    {'PyTorch eager':24} {'':12} process {eager['memory'] / MIB:8.0f} MiB")
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        train.export_work(name, folder, 2)
        for kind, options in KINDS.items():
            planned, measured, losses = bitpipe(work, folder, options)
            tolerance = 1e-2 if kind == "bf16" else 1e-3
            if any(abs(a / b - 1) > tolerance for a, b in zip(losses, eager["losses"], strict=True)):
                raise SystemExit(f"{name}, {kind}: losses {losses}, expected {eager['losses']} as PyTorch has")
            print(f"    {'bitpipe, ' + kind:24} plan {planned / MIB:7.0f} process {measured / MIB:8.0f} MiB, "
                  f"{measured / eager['memory']:.2f} of PyTorch's", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--works", default=",".join(DEFAULT))
    for name in parser.parse_args().works.split(","):
        show(name)


if __name__ == "__main__":
    sys.exit(main())
