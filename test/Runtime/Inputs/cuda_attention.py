"""Runs plans for GPUs with a cuDNN that is there, or not, or makes mistakes, and prints what a run says of it.

    python cuda_attention.py BUILD FOLDER DATA
"""
import ctypes.util
import os
import subprocess
import sys

build, folder, data = sys.argv[1:]
doubles = os.path.join(build, "bin/doubles")
here = dict(os.environ, BITPIPE_CUDA_DRIVER=f"{doubles}/libcuda.so.1", BITPIPE_CUBLASLT=f"{doubles}/libcublasLt.so.13",
            BITPIPE_CUDNN=f"{doubles}/libcudnn.so.9")


def attempt(what, *options, plan="bf16.mlir", **variables):
    command = [f"{build}/bin/bitpipe-run", f"{folder}/{plan}", f"--data={data}", "--steps=1", *options]
    result = subprocess.run(command, capture_output=True, text=True, env=here | variables)
    lines = (result.stderr if result.returncode else result.stdout).splitlines()
    said = [line for line in lines if line.startswith("attentions of a step") or "error: " in line]
    if len(said) != 1:
        sys.exit(f"{what}: exit {result.returncode}, {len(said)} lines, expected one\n{result.stdout}{result.stderr}")
    print(f"{what}: exit {result.returncode}: {said[0]}")


attempt("auto")
attempt("cudnn", "--attention=cudnn")
attempt("own", "--attention=own")
attempt("f32", plan="f32.mlir")
attempt("f32 asked for", "--attention=cudnn", plan="f32.mlir")
if not ctypes.util.find_library("cudnn"):
    attempt("none", BITPIPE_CUDNN="", PATH="")
    attempt("none asked for", "--attention=cudnn", BITPIPE_CUDNN="", PATH="")
else:  # which the system has
    print("none: exit 0: attentions of a step: 0 by cuDNN, 1 by own kernels: no cuDNN\nnone asked for: exit 1: error: no cuDNN")
attempt("absent", BITPIPE_CUDNN="absent.so")
attempt("absent, not wanted", "--attention=own", BITPIPE_CUDNN="absent.so")
attempt("old", BITPIPE_DOUBLES_CUDNN_VERSION="91001")
attempt("no engine", BITPIPE_DOUBLES_CUDNN="no engine")
attempt("no order", BITPIPE_DOUBLES_CUDNN="no order")
attempt("no gradient", BITPIPE_DOUBLES_CUDNN="no gradient")
attempt("no gradient, asked for", "--attention=cudnn", BITPIPE_DOUBLES_CUDNN="no gradient")
attempt("wrong scale", BITPIPE_DOUBLES_CUDNN="scale")
attempt("wrong scale, asked for", "--attention=cudnn", BITPIPE_DOUBLES_CUDNN="scale")
