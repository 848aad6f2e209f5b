"""Resumes a transformer with dropout, a frozen parameter and one that nothing reads, under plans of several schedules.

    resume.py FOLDER
"""

import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys

import dropout
import numpy as np
from safetensors.numpy import load_file, save_file

PLANS = {"bitpipe": 4, "sharded": 4, "slices": 4, "1f1b": 2, "zb-v": 2, "gpipe": 1}  # schedule: devices
SHARDED = {"sharded": ["--pipeline=bitpipe", "--shard=optimizer"],
           "slices": ["--pipeline=1f1b", "--data-parallel=2", "--shard=parameters"]}
STEPS = 6
os.chdir(sys.argv[1])
kept, saved, metrics = map(pathlib.Path, ("kept", "out.safetensors", "m.jsonl"))


def call(*command, code=0):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == code, (command, done.returncode, done.stdout, done.stderr)
    return done.stdout


def train(name, *options, prefix=(), code=0):
    return call(*prefix, "bitpipe-run", f"{name}.mlir", "--threads=1", "--data=data.safetensors", f"--steps={STEPS}", "--shuffle",
                "--seed=5", "--lr=0.01", "--lr-schedule=linear", "--clip=1", f"--save={saved}",
                f"--metrics={metrics}", *options, code=code)


def numbers():
    keys = ("step", "loss", "grad_norm", "lr")
    return [tuple(json.loads(line)[key] for key in keys) for line in metrics.read_text().splitlines()]


def build():
    parameters = dropout.weights() | {"idle": np.arange(6, dtype=np.float32).reshape(2, 3)}
    dropout.build(".", parameters)
    ids = np.random.default_rng(4).integers(0, dropout.WORDS, (15, dropout.SEQUENCE))
    save_file({"ids": ids}, "data.safetensors")
    for name, devices in PLANS.items():
        how = SHARDED.get(name, [f"--pipeline={name}"])
        call("bitpipe-opt", "model.onnx", "--loss=loss", *how, f"--devices={devices}", "--microbatches=4",
             "--freeze=^0.q$", "-o", f"{name}.mlir")


def steps_at_once(names, launchers, *options):
    """The whole training, in runs of one step, each with the next plan and launcher."""
    shutil.rmtree(kept, ignore_errors=True)
    for step, name, prefix in zip(range(1, STEPS + 1), itertools.cycle(names), itertools.cycle(launchers)):
        train(name, f"--checkpoint={kept}", "--resume", "--stop-after=0.001s", *options, prefix=prefix,
              code=3 if step < STEPS else 0)
    return saved.read_bytes(), numbers()


def check_same_bits():
    for name, devices in PLANS.items():
        train(name)
        expected = saved.read_bytes(), numbers()
        launchers = [(), *(("mpirun", "-n", str(n)) for n in (2, 3, 4) if n <= devices)]
        assert steps_at_once([name], launchers) == expected, name
    # Moments in slices are whole in the files, and the other way.
    train("bitpipe")
    expected = saved.read_bytes(), numbers()
    launchers = [(), ("mpirun", "-n", "2"), ("mpirun", "-n", "4")]
    assert steps_at_once(["bitpipe", "sharded"], launchers) == expected
    names = set(load_file(saved))
    newest = kept / (kept / "latest").read_text().strip()
    moments = set().union(*(load_file(file) for file in newest.glob("moment1-*.safetensors")))
    assert {"idle", "0.q"} <= names and names - moments == {"idle", "0.q"}, names - moments


def check_other_plans():
    train("bitpipe")
    expected, lines = load_file(saved), numbers()
    _, others = steps_at_once(PLANS, [()])
    assert np.allclose(lines, others, rtol=1e-4), (lines, others)
    for name, value in load_file(saved).items():
        assert np.abs(value - expected[name]).max() <= 1e-4 * np.abs(expected[name]).max(), name
        assert (name in ("idle", "0.q")) == np.array_equal(value, dropout_weights.get(name, value)), name


def check_replaced_constants():
    """What --load has put in the place of a constant is part of what goes on."""
    first, start = dropout.weights(), pathlib.Path("start.safetensors")
    save_file({name: 1.5 * value for name, value in first.items()}, start)
    os.rename("model.onnx", "all.onnx")
    known = dropout.Graph.parameter
    # As if the module had 0.up in no list of its parameters.
    dropout.Graph.parameter = lambda g, name, value: (known(g, name, value), name == "0.up" and g.parameters.pop())[0]
    dropout.build(".", first)
    dropout.Graph.parameter = known
    call("bitpipe-opt", "model.onnx", "--loss=loss", "--pipeline=1f1b", "--devices=2", "--microbatches=4", "-o",
         "constant.mlir")
    train("constant")
    without = saved.read_bytes()
    train("constant", f"--load={start}")
    expected = saved.read_bytes(), numbers()
    assert "0.up" not in load_file(saved) and expected[0] != without
    assert steps_at_once(["constant"], [(), ("mpirun", "-n", "2")], f"--load={start}") == expected


build()
dropout_weights = dropout.weights()
check_same_bits()
check_other_plans()
check_replaced_constants()
print("all as undisturbed")
