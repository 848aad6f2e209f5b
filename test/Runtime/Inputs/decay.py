"""With --weight-decay-for=matrices a step gives every matrix the bits that it has if all parameters decay, and every other
parameter those that it has if none does.

    decay.py BUILD MODEL_FOLDER SCRATCH
"""

import os
import pathlib
import subprocess
import sys

import numpy
from safetensors.numpy import load_file

build, model, scratch = map(pathlib.Path, sys.argv[1:])
doubles = build / "bin/doubles"
gpus = dict(os.environ, BITPIPE_CUDA_DRIVER=str(doubles / "libcuda.so.1"),
            BITPIPE_CUBLASLT=str(doubles / "libcublasLt.so.13"), BITPIPE_DOUBLES_DEVICES="4")


def stepped(plan, run, *options):
    saved = scratch / "out.safetensors"
    subprocess.run(["bitpipe-run", plan, f"--data={model}/data.safetensors", "--steps=1", "--lr=0.01", f"--save={saved}",
                    *run, *options], check=True, capture_output=True, env=gpus)
    return load_file(saved)


def check(compiled, *run):
    plan = scratch / "plan.mlir"
    subprocess.run(["bitpipe-opt", model / "model.onnx", "--microbatches=4", *compiled.split(), "-o", plan], check=True,
                   capture_output=True)
    every, none, got = (stepped(plan, run, *options) for options in (
        ["--weight-decay=0.3"], ["--weight-decay=0"], ["--weight-decay=0.3", "--weight-decay-for=matrices"]))
    moved = 0
    for name, value in got.items():
        expected = (every if value.ndim >= 2 else none)[name]
        assert numpy.array_equal(value, expected), (compiled, name)
        moved += not numpy.array_equal(every[name], none[name])
    assert moved > len(got) // 2, (compiled, moved)  # so that the two differ
    print(compiled)


CUDA = "--target=cuda --arch=emulated"
check("--pipeline=bitpipe --devices=2", "--threads=3")
check("--pipeline=1f1b --devices=1 --optimizer=sgd", "--threads=1")
check("--pipeline=1f1b --devices=4 --data-parallel=2 --shard=optimizer", "--threads=1")
check("--pipeline=breadth-first --devices=4 --data-parallel=2 --shard=parameters --precision=bf16", "--threads=2")
check("--pipeline=pipedream-2bw --devices=2 --update-every=4", "--threads=1")
check(f"--pipeline=zb-v --devices=2 {CUDA} --precision=bf16", "--attention=own")
check(f"--pipeline=1f1b --devices=4 --data-parallel=2 --shard=gradients --optimizer=sgd {CUDA}", "--attention=own")
check(f"--pipeline=pipedream --devices=2 --update-every=4 {CUDA}", "--attention=own")
