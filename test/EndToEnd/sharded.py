"""Trains models under --shard=optimizer and without: the same bits from threads and from 1, 2 and 4 processes, in f32 and
bf16, for every optimizer; moments take half the memory where two devices hold every stage.

    sharded.py FOLDER MODEL... [--pipelines=bitpipe,chimera,dualpipe]
"""
import argparse
import pathlib
import re
import subprocess

from saved_parameters import saved

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("models", type=pathlib.Path, nargs="+")
parser.add_argument("--pipelines", default="bitpipe,chimera,dualpipe")
options = parser.parse_args()
options.folder.mkdir(parents=True, exist_ok=True)
parameters, metrics = options.folder / "saved.safetensors", options.folder / "m.jsonl"


def compile_plan(model, name, *flags):
    plan = options.folder / f"{name}.mlir"
    subprocess.run(["bitpipe-opt", model / "model.onnx", "--devices=4", *flags, "-o", plan], check=True,
                   capture_output=True)
    return plan


def trained(plan, model, *flags, processes=0):
    """The hash of the parameters and the norms of all steps."""
    bits = saved(plan, model, parameters, "--clip=0.5", "--weight-decay=0.1", "--lr=0.01", f"--metrics={metrics}", *flags,
                 processes=processes, steps=4)
    norms = re.findall(r'"grad_norm": *([^,}]*)', metrics.read_text())
    assert len(norms) == 4, metrics.read_text()
    return bits, norms


def moments(plan):
    """Bytes of the moments of every device."""
    return [sum(int(size) for size in re.findall(r'pipe.slot \d+ "moment." size (\d+)', program))
            for program in plan.read_text().split("pipe.program")[1:]]


def compare(model, name, *flags, processes=(1, 2, 4), halves=True):
    whole, sharded = compile_plan(model, "whole", *flags), compile_plan(model, "sharded", *flags, "--shard=optimizer")
    expected = trained(whole, model)
    for count in (0, *processes):
        got = trained(sharded, model, processes=count)
        assert got == expected, f"{model.name}, {name}: {count} processes end with other bits: {got[1]}, {expected[1]}"
    before, after = sum(moments(whole)), sum(moments(sharded))
    assert 2 * after == before if halves else after == before == 0, (model.name, name, before, after)
    print(f"{model.name} {name}: moments {before} to {after}")


for model in options.models:
    for pipeline in options.pipelines.split(","):
        compare(model, pipeline, f"--pipeline={pipeline}")
    compare(model, "bf16", "--pipeline=bitpipe", "--precision=bf16", processes=(2,))
    compare(model, "sgd", "--pipeline=bitpipe", "--optimizer=sgd", processes=(2,), halves=False)
    compare(model, "none", "--pipeline=chimera", "--optimizer=none", processes=(), halves=False)
    names = re.findall(r'pipe.saved "([^"]*)"', compile_plan(model, "names", "--pipeline=gpipe").read_text())
    frozen = "|".join(re.escape(name) for name in names[::3])
    compare(model, "frozen", "--pipeline=bitpipe", f"--freeze=^({frozen})$", processes=(2,))
print("all the same")
