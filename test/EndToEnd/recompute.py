"""Training with --recompute leaves the bits that training without it leaves, in less memory.

    recompute.py FOLDER MODEL_FOLDER [--pipelines 1f1b,zb-v] [--part K/N] [--sets all,0/2] [--processes 2,4] [--steps 3]
        [--less] [bitpipe-opt options]

MODEL_FOLDER has model.onnx and data.safetensors. For every schedule on four devices (--pipelines=all: all that have a
name), and every set of stages (with / for a comma), the parameters saved by threads and by so many processes are those
of a plan without recomputation. With --less no device needs more memory for activations and messages than without, but
for a message or two, and where all stages recompute all devices together need less."""
import argparse
import pathlib
import re
import subprocess
import sys

from saved_parameters import saved, schedules

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("model", type=pathlib.Path)
parser.add_argument("--pipelines", default="all")
parser.add_argument("--part", default="1/1", help="of all schedules")
parser.add_argument("--sets", default="all,0/2")
parser.add_argument("--processes", default="")
parser.add_argument("--steps", type=int, default=3)
parser.add_argument("--less", action="store_true")
arguments, options = parser.parse_known_args()
arguments.folder.mkdir(parents=True, exist_ok=True)


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600)
    if done.returncode:
        sys.exit(f"{command}\n{done.stdout}{done.stderr}")
    return done.stderr


def compiled(pipeline, recompute):
    """The plan, and MiB for activations and messages of each device."""
    plan = arguments.folder / f"{pipeline}-{recompute.replace(',', '-')}.mlir"
    table = run("bitpipe-opt", arguments.model / "model.onnx", f"--pipeline={pipeline}", "--devices=4",
                f"--recompute={recompute}", *options, "-o", plan)
    rows = [line.split() for line in table.splitlines() if re.match(r" *\d+( +[\d.]+)+$", line)]
    assert len(rows) == 4, table
    return plan, [float(row[5]) + float(row[6]) for row in rows]


def trained(plan, processes=0):
    return saved(plan, arguments.model, arguments.folder / "saved.safetensors", processes=processes, steps=arguments.steps)


runs = 0
for pipeline in schedules(arguments.part) if arguments.pipelines == "all" else arguments.pipelines.split(","):
    plan, before = compiled(pipeline, "none")
    expected = trained(plan)
    for recompute in arguments.sets.replace("/", ";").split(","):
        plan, after = compiled(pipeline, recompute.replace(";", ","))
        text = plan.read_text()
        assert "pipe.execute R stage 0 mb 0 " in text, f"{pipeline}: nothing is recomputed"
        for count in [0, *filter(None, arguments.processes.split(","))]:
            assert trained(plan, count) == expected, f"{pipeline}, {recompute}, {count} processes: other bits than without"
            runs += 1
        print(f"{pipeline}, {recompute}: MiB of activations and messages {max(before):.2f}, recomputed {max(after):.2f}")
        if arguments.less:
            assert all(a <= b + 0.02 for a, b in zip(after, before)), f"{pipeline}: some device needs more memory"
            assert recompute != "all" or sum(after) < sum(before), f"{pipeline}: not less memory"
print(f"{runs} runs with the bits of those without recomputation")
