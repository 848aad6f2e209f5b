#!/usr/bin/env bash
# Draws the pictures of README.md: BitPipe and 1F1B for four devices and eight
# micro-batches, in the same unit of time. 1F1B's stages are two of BitPipe's.
#
#   scripts/pictures.sh [FOLDER]     # default: docs/pictures
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-docs/pictures}
mkdir -p "$out"
size=(--devices=4 --microbatches=8 --emit=timeline --force)
build/bin/bitpipe-opt --pipeline=bitpipe --cost=F=1,B=2 "${size[@]}" -o "$out/bitpipe.svg"
build/bin/bitpipe-opt --pipeline=1f1b --cost=F=2,B=4 "${size[@]}" -o "$out/1f1b.svg"
