"""Trains cpu.mlir and plan.mlir, its twin for GPUs, under a schedule of rates.

    python cuda_rates.py FOLDER DATA
"""
import filecmp
import json
import os
import subprocess
import sys

folder, data = sys.argv[1:]


def path(name):
    return os.path.join(folder, name)


def train(name, plan, *options, schedule="cosine"):
    """What is printed; losses and rates; parameters are saved under the name."""
    result = subprocess.run(["bitpipe-run", path(plan), f"--data={data}", "--steps=8", "--lr=3e-3", "--warmup=3", f"--lr-schedule={schedule}",
                             "--clip=0.5", f"--metrics={path(name)}.jsonl", f"--save={path(name)}", *options], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{name}: exit {result.returncode}\n{result.stdout}{result.stderr}")
    with open(path(name) + ".jsonl") as file:
        lines = [json.loads(line) for line in file]
    return result.stdout, [(line["loss"], line["lr"]) for line in lines]


_, expected = train("processor", "cpu.mlir")
rates = [rate for _, rate in expected]
if len(set(rates)) != 7:  # the end of the warm-up is the begin of the cosine
    sys.exit(f"rates {rates}, expected seven")
_, got = train("graph", "plan.mlir", "--share-gpus")
for (loss, rate), (want, wanted_rate) in zip(got, expected, strict=True):
    if rate != wanted_rate or not abs(loss / want - 1) < 1e-5:
        sys.exit(f"losses and rates {got}, expected {expected}")
train("constant", "plan.mlir", "--share-gpus", schedule="constant")
if filecmp.cmp(path("constant"), path("graph"), shallow=False):
    sys.exit("another schedule of rates saves the same bits")
text, _ = train("timed", "plan.mlir", "--share-gpus", "--time-calls")
if "every call" not in text or text.count("layer_norm") < 2:
    sys.exit(f"--time-calls prints no times of calls\n{text}")
train("walked", "plan.mlir", "--share-gpus", "--no-graph")
for name in ("walked", "timed"):
    if not filecmp.cmp(path(name), path("graph"), shallow=False):
        sys.exit(f"{name}: saves other bits than a graph")
print(f"{len(got)} rates, last loss {got[-1][0]:.6f}")
