#!/bin/sh
# What bitpipe does on a GPU, in at most ten minutes, on a machine with a driver, cuBLASLt and
# PyTorch and nothing of bitpipe but the folder that bench/gpu_pack.py has made:
#
#     sh FOLDER/gpu.sh [parts]
#
# Parts in the order of their worth, each with a limit of its own; what is known is printed
# as it comes, and written to FOLDER/results.jsonl.
here=$(cd "$(dirname "$0")" && pwd)
export LD_LIBRARY_PATH="$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
chmod +x "$here/bitpipe-run"
exec python3 -u "$here/gpu_run.py" "$@"
