"""Evaluations leave all bits of a training as they are, on processors and on doubles of GPUs, with slices, with
activations on hosts, with the step as a graph and without; the loss is the mean over all labels of the data.

    evaluation.py BUILD MODEL_FOLDER SCRATCH [gpus]

With gpus on doubles of GPUs, else on processors.
"""

import json
import os
import pathlib
import subprocess
import sys

build, model, scratch = map(pathlib.Path, sys.argv[1:4])
doubles = build / "bin/doubles"
VARIABLES = dict(os.environ, BITPIPE_CUDA_DRIVER=str(doubles / "libcuda.so.1"),
                 BITPIPE_CUBLASLT=str(doubles / "libcublasLt.so.13"), BITPIPE_NCCL=str(doubles / "libnccl.so.2"),
                 BITPIPE_LIBRARIES=str(build / "bin"), BITPIPE_DOUBLES_DEVICES="4")
CUDA = ["--target=cuda", "--arch=emulated"]
EVALUATE = [f"--eval-data={model}/data.safetensors", "--eval-every=1"]


def tool(*command, code=0, **variables):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=dict(VARIABLES, **variables))
    if done.returncode != code:
        sys.exit(f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def compiled(*options, microbatches=4):
    tool("bitpipe-opt", model / "model.onnx", f"--microbatches={microbatches}", *options, "-o", scratch / "plan.mlir")


def trained(*options, launcher=(), steps=3, **variables):
    """What is kept of the training, and what evaluations found."""
    kept = scratch / "kept"
    subprocess.run(["rm", "-rf", kept], check=True)
    tool(*launcher, "bitpipe-run", scratch / "plan.mlir", f"--data={model}/data.safetensors", f"--steps={steps}",
         f"--checkpoint={kept}", f"--metrics={scratch}/m.jsonl", *options, **variables)
    with open(scratch / "m.jsonl") as file:
        lines = [json.loads(line) for line in file]
    state = [path.read_bytes() for path in sorted(kept.glob("step-*/*.safetensors"))]
    numbers = [(line["loss"], line["grad_norm"], line["lr"]) for line in lines if "loss" in line]
    return (state, numbers), [line["eval_loss"] for line in lines if "eval_loss" in line]


def check(*options, run=(), launcher=(), others=()):
    compiled(*options)
    without, _ = trained(*run, launcher=launcher)
    assert len(without[0]) >= 3, options  # parameters and two moments
    with_it, losses = trained(*run, *EVALUATE, launcher=launcher)
    assert with_it == without, options
    assert len(losses) == len(set(losses)) == 3, losses
    for more, variables in others:
        assert trained(*run, *EVALUATE, *more, launcher=launcher, **variables) == (with_it, losses), (options, more, variables)
    print(*options)
    return losses


def near(losses, expected):
    assert all(abs(got / want - 1) < 2e-5 for got, want in zip(losses, expected, strict=True)), (losses, expected)


def on_processors():
    expected = check("--pipeline=bitpipe", "--devices=2", run=["--threads=2"], others=[(["--poison"], {})])
    near(check("--pipeline=zb-v", "--devices=2", run=["--threads=1"], launcher=["mpirun", "-n", "2"]), expected)
    near(check("--pipeline=1f1b", "--devices=4", "--data-parallel=2", "--shard=parameters", run=["--threads=1"]), expected)
    near(check("--pipeline=gpipe", "--devices=2", "--offload=3", run=["--threads=1"]), expected)


def on_gpus():
    compiled("--pipeline=bitpipe", "--devices=2")
    _, expected = trained(*EVALUATE, "--threads=1")
    near(check("--pipeline=bitpipe", "--devices=2", *CUDA, run=["--attention=own"], others=[
        (["--no-graph"], {}), ([], {"BITPIPE_DOUBLES_DELAYS": "5"}), (["--poison"], {})]), expected)
    check("--pipeline=breadth-first", "--devices=4", "--data-parallel=2", "--shard=gradients", "--precision=bf16", *CUDA,
          run=["--attention=own"])


def in_other_batches():
    """The same data, in batches of which the last one is not whole, have the same mean."""
    compiled("--pipeline=gpipe", "--devices=1", microbatches=5)
    tool("bitpipe-run", scratch / "plan.mlir", f"--data={model}/data.safetensors", "--steps=1", f"--save={scratch}/one.safetensors")
    losses = []
    for microbatches in (5, 4):
        compiled("--pipeline=gpipe", "--devices=1", microbatches=microbatches)
        losses += trained(*EVALUATE, f"--load={scratch}/one.safetensors", "--lr=0", steps=1)[1]
    near(losses[:1], losses[1:])


def beside_updates():
    for pipeline in ("pipedream", "pipedream-2bw"):
        compiled(f"--pipeline={pipeline}", "--devices=2")
        done = tool("bitpipe-run", scratch / "plan.mlir", f"--data={model}/data.safetensors", "--steps=1", *EVALUATE, code=1)
        assert "expected no --eval-data" in done.stderr and done.stderr.count("\n") == 1, done.stderr


if sys.argv[4:] == ["gpus"]:
    on_gpus()
else:
    on_processors()
    in_other_batches()
    beside_updates()
