"""Trains models whose replicas keep slices, of everything that --shard names and of nothing: the same bits from threads and
from processes, and from a checkpoint of one under another; slots of what is in slices shrink, and a run touches the memory that
its plan lays out.

    shards.py FOLDER MODEL... [--pipelines=breadth-first,1f1b] [--replicas=2] [--devices=4] [bitpipe-opt options]
"""
import argparse
import pathlib
import re
import shutil
import subprocess

from saved_parameters import saved

LEVELS = ["none", "optimizer", "gradients", "parameters"]
parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("models", type=pathlib.Path, nargs="+")
parser.add_argument("--pipelines", default="breadth-first,1f1b")
parser.add_argument("--devices", type=int, default=4)
parser.add_argument("--replicas", type=int, default=2)
parser.add_argument("--processes", default="1,2,4")
options, flags = parser.parse_known_args()
options.folder.mkdir(parents=True, exist_ok=True)
parameters, metrics, kept = (options.folder / name for name in ("saved.safetensors", "m.jsonl", "kept"))


def compile_plan(model, pipeline, level):
    plan = options.folder / f"{level}.mlir"
    command = ["bitpipe-opt", model / "model.onnx", f"--devices={options.devices}", f"--pipeline={pipeline}",
               f"--data-parallel={options.replicas}", *flags, *([] if level == "none" else [f"--shard={level}"]), "-o", plan, "--force"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, (command, done.stderr)
    return plan


def trained(plan, model, *flags, processes=0, steps=4):
    """The hash of the parameters and the norms of all steps."""
    bits = saved(plan, model, parameters, "--clip=0.5", "--weight-decay=0.1", "--lr=0.01", f"--metrics={metrics}", *flags,
                 processes=processes, steps=steps)
    return bits, re.findall(r'"grad_norm": *([^,}]*)', metrics.read_text())


def sizes(plan, *sources):
    """Bytes of the slots of a source, summed over the devices."""
    found = re.findall(r'pipe.slot \d+ "(\w+)" size (\d+)', plan.read_text())
    return sum(int(size) for source, size in found if source in sources)


def check_touched(plan, model):
    """All but what alignment leaves."""
    out = subprocess.run(["bitpipe-run", plan, f"--data={model / 'data.safetensors'}", "--steps=2"], check=True,
                         capture_output=True, text=True).stdout
    rows = re.findall(r"^\d+ +[\d.]+% +([\d.]+) MiB +([\d.]+) MiB", out, re.M)
    assert len(rows) == options.devices, out
    for planned, touched in rows:
        assert abs(float(planned) - float(touched)) <= 0.11, out


def check_resumed(plans, model, expected):
    """What is kept in slices is whole in a checkpoint, whichever of two plans writes it."""
    for first, second in (("parameters", "none"), ("none", "parameters")):
        shutil.rmtree(kept, ignore_errors=True)
        trained(plans[first], model, f"--checkpoint={kept}", steps=2)
        got = trained(plans[second], model, f"--checkpoint={kept}", "--resume")
        assert got == expected, f"{model.name}: a checkpoint of {first} under {second}: {got[1]}, expected {expected[1]}"


def arenas(plan):
    return [int(size) for size in re.findall(r"pipe.program device \d+ arena (\d+)", plan.read_text())]


def compare(model, pipeline):
    plans = {level: compile_plan(model, pipeline, level) for level in LEVELS}
    expected = trained(plans["none"], model)
    assert len(expected[1]) == 4, expected
    for level in LEVELS[1:]:
        for count in (0, *map(int, options.processes.split(","))):
            got = trained(plans[level], model, *(["--poison"] if count < 2 else []), processes=count)
            assert got == expected, f"{model.name}, {pipeline}, {level}, {count} processes: {got[1]}, expected {expected[1]}"
        check_touched(plans[level], model)
    check_resumed(plans, model, expected)
    kinds = {"optimizer": ("moment1", "moment2"), "gradients": ("gradients",), "parameters": ("weights",)}
    for before, level in zip(LEVELS, LEVELS[1:]):
        kept_whole, kept_slices = (sizes(plans[one], *kinds[level]) for one in (before, level))
        assert kept_slices < kept_whole, (pipeline, level, kept_whole, kept_slices)
    copies, own_copies = (sizes(plans[level], "working") for level in ("gradients", "parameters"))
    assert own_copies < copies or copies == 0, (pipeline, copies, own_copies)
    print(f"{model.name} {pipeline}: arenas in KiB " +
          ", ".join(f"{level} {max(arenas(plan)) >> 10}" for level, plan in plans.items()))


for model in options.models:
    for pipeline in options.pipelines.split(","):
        compare(model, pipeline)
print("all the same")
