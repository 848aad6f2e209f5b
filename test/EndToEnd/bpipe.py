"""Activations that move leave the bits that training without them leaves, and no more of them are alive than planned.

    bpipe.py FOLDER MODEL_FOLDER [--orders bpipe:1f1b,zb-h2+] [--devices 4] [--processes 2,4] [--steps 3] [bitpipe-opt options]

MODEL_FOLDER has model.onnx and data.safetensors. Of every pair A:B, A is to leave what B leaves; A+ is A with --balance and
A@K is A with --offload=K, to be held to A. For each, the parameters saved by threads and by so many processes are those of the other one. What is alive is
counted in the programs that run: of every device, slots of what forwards save, from when they are written or received to
when they are read or sent last. For bpipe none holds more than (D+2)/2, rounded up, and the first device holds less than
that of 1F1B."""
import argparse
import pathlib
import re
import subprocess
import sys

from saved_parameters import saved

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("model", type=pathlib.Path)
parser.add_argument("--orders", default="bpipe:1f1b")
parser.add_argument("--devices", type=int, default=4)
parser.add_argument("--processes", default="")
parser.add_argument("--steps", type=int, default=3)
arguments, options = parser.parse_known_args()
arguments.folder.mkdir(parents=True, exist_ok=True)


def compiled(name, *more):
    """The plan, and the MiB that each device needs for activations."""
    plan = arguments.folder / f"{name}{''.join(more)}.mlir"
    done = subprocess.run(["bitpipe-opt", arguments.model / "model.onnx", f"--pipeline={name}",
                           f"--devices={arguments.devices}", *more, *options, "-o", plan], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    rows = [line.split() for line in done.stderr.splitlines() if re.match(r" *\d+( +[\d.]+)+$", line)]
    assert len(rows) == arguments.devices, done.stderr
    return plan, [float(row[5]) for row in rows]


def end_of_next_run(lines, position):
    """Of a whole backward the weight gradient, which comes behind its input gradient."""
    run = r"pipe.execute (\w) stage (\d+) mb (\d+) "
    runs = [(p, re.match(run, lines[p]).groups()) for p in range(position + 1, len(lines)) if re.match(run, lines[p])]
    if not runs:
        return position
    _, (kind, *which) = runs[0]
    behind = runs[1][0] if len(runs) > 1 and kind == "I" and runs[1][1] == ("W", *which) else runs[0][0]
    return behind


def alive(plan):
    """The most activations that each device has at once: runs and moves of a stage and micro-batch touch its slots."""
    peaks = []
    for program in re.split(r"pipe\.program device", plan.read_text())[1:]:
        names = {}  # what forwards save, by slot
        for slot, stage, microbatch in re.findall(r'pipe\.slot (\d+) "arena" .*name "saved(?:_kept)? (\d+)" mb (\d+)', program):
            names[int(slot)] = int(stage), int(microbatch)
        touched = {}  # of each slot, first and last position
        lines = re.findall(r"pipe\.(?:execute|transmit|receive) .*", program)
        for position, line in enumerate(lines):
            slots = re.search(r"\[([\d, ]*)\]", line)
            numbers = slots[1].split(",") if slots and slots[1] else re.findall(r"slot (\d+)", line)
            for slot in map(int, numbers):
                if slot in names:
                    first, _ = touched.get(slot, (position, position))
                    # What is sent is here until the end of the next run.
                    last = position
                    if line.startswith("pipe.transmit"):
                        last = end_of_next_run(lines, position)
                    touched[slot] = first, last
        counts = [len({names[slot] for slot, (first, last) in touched.items() if first <= position <= last})
                  for position in range(len(lines))]
        peaks.append(max(counts, default=0))
    return peaks


runs = 0
for pair in arguments.orders.split(","):
    if pair.endswith("+"):
        left, right = (pair[:-1], ["--balance"]), (pair[:-1], [])
    elif "@" in pair:
        name, most = pair.split("@")
        left, right = (name, [f"--offload={most}"]), (name, [])
    else:
        left, right = ((name, []) for name in pair.split(":"))
    plan, megabytes = compiled(left[0], *left[1])
    other, before = compiled(right[0], *right[1])
    text = plan.read_text()
    assert "pipe.transmit E stage" in text and "pipe.receive G stage" in text, f"{pair}: nothing moves"
    expected = saved(other, arguments.model, arguments.folder / "saved.safetensors", steps=arguments.steps)
    for count in [0, *map(int, filter(None, arguments.processes.split(",")))]:
        got = saved(plan, arguments.model, arguments.folder / "saved.safetensors", processes=count, steps=arguments.steps)
        assert got == expected, f"{pair}, {count} processes: other bits"
        runs += 1
    peaks, others = alive(plan), alive(other)
    print(f"{pair}: activations alive {peaks} instead of {others}, MiB {megabytes} instead of {before}")
    assert max(peaks) < max(others), f"{pair}: as many activations alive as without moves"
    if left[0] == "bpipe":
        assert max(peaks) <= (arguments.devices + 3) // 2, f"{pair}: more activations alive than (D+2)/2"
print(f"{runs} runs with the bits of those without moves")
