"""Runs a plan as threads of one process and as several processes: the same bits, one voice, one file of each kind.

    ranks.py FOLDER PLAN DATA [--processes 1 2 4] [--launcher "mpirun -n {n}"]

The files that are saved must be equal byte for byte, and so must the losses and norms of all steps.
"""
import argparse
import json
import pathlib
import shlex
import subprocess

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("plan")
parser.add_argument("data")
parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
parser.add_argument("--launcher", default="mpirun -n {n}")
parser.add_argument("--steps", type=int, default=6)
options = parser.parse_args()
options.folder.mkdir(parents=True, exist_ok=True)


def train(prefix, name):
    """What a run saves and tells: parameters, steps, standard output, trace."""
    files = {kind: options.folder / f"{name}.{kind}" for kind in ("safetensors", "jsonl", "json")}
    for file in files.values():
        file.unlink(missing_ok=True)
    done = subprocess.run([*prefix, "bitpipe-run", options.plan, "--threads=1", f"--data={options.data}", f"--steps={options.steps}",
                           "--clip=0.5", "--shuffle", f"--save={files['safetensors']}", f"--metrics={files['jsonl']}",
                           f"--trace={files['json']}"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (name, done.stdout, done.stderr)
    steps = [json.loads(line) for line in files["jsonl"].read_text().splitlines()]
    trace = json.loads(files["json"].read_text())["traceEvents"]
    return files["safetensors"].read_bytes(), steps, done.stdout, trace


def numbers(steps):
    return [(step["step"], step["loss"], step["grad_norm"], step["lr"]) for step in steps]


def tracks(trace):
    """How many events of which name every device has."""
    counts = {}
    for event in trace:
        if event["ph"] == "X" and not event["name"].startswith("wait"):
            key = event["tid"], event["name"]
            counts[key] = counts.get(key, 0) + 1
    return counts


weights, steps, _, trace = train([], "threads")
for n in options.processes:
    name = f"processes{n}"
    others, their_steps, output, their_trace = train(shlex.split(options.launcher.format(n=n)), name)
    assert others == weights, f"{n} processes save other bits than threads"
    assert numbers(their_steps) == numbers(steps), (n, their_steps, steps)
    assert tracks(their_trace) == tracks(trace), f"the trace of {n} processes has other events"
    assert output.count("kind of work") == 1, output
    assert n == 1 or f"rank {n - 1} " in output, output
print(f"{options.plan.split('/')[-1]}: the same bits from threads and {options.processes} processes")
