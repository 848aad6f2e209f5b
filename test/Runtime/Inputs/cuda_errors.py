"""Runs a plan for GPUs where something is missing, and prints a line for each.

    python cuda_errors.py BUILD FOLDER DATA
"""
import os
import subprocess
import sys

build, folder, data = sys.argv[1:]
doubles = os.path.join(build, "bin/doubles")
here = {"BITPIPE_CUDA_DRIVER": f"{doubles}/libcuda.so.1", "BITPIPE_CUBLASLT": f"{doubles}/libcublasLt.so.13"}


def attempt(what, *options, plan="plan.mlir", **variables):
    command = ["bitpipe-run", f"{folder}/{plan}", f"--data={data}", "--steps=1", *options]
    result = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, **(here | variables)))
    lines = [line for line in result.stderr.splitlines() if not line.startswith("doubles:")]
    if result.returncode != 1 or len(lines) != 1:
        sys.exit(f"{what}: exit {result.returncode}, {len(lines)} lines, expected exit 1 and one line\n{result.stderr}")
    print(f"{what}: {lines[0]}")


attempt("no driver", BITPIPE_CUDA_DRIVER="absent.so")
attempt("old driver", BITPIPE_DOUBLES_DRIVER="11080")
attempt("no GPU", BITPIPE_DOUBLES_DEVICES="0")
attempt("no cuBLASLt", "--share-gpus", BITPIPE_CUBLASLT="absent.so")
attempt("other library", BITPIPE_CUDA_DRIVER=f"{folder}/cpu.kernels.so")
attempt("too few GPUs")
attempt("no peers", BITPIPE_DOUBLES_DEVICES="2", BITPIPE_DOUBLES_NO_PEERS="1")
attempt("no memory", "--share-gpus", BITPIPE_DOUBLES_MEMORY="2000000")
attempt("older GPU", "--share-gpus", plan="newer.mlir")
attempt("other device", "--device=cpu")
