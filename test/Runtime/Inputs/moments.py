"""Ends runs and compilations at random moments, or lets the disk be full there, and looks at what is on disk.

    moments.py FOLDER_OF_A_TOY_PLAN MODEL.onnx [--count=50] [--seed=0]

Promised is: a file is whole or as it was before; whoever ends with exit code 3 has saved the parameters after exactly
the steps that the metrics hold; a full disk is an error in one line, and what was saved before stays.
"""
import argparse
import json
import os
import pathlib
import random
import resource
import signal
import subprocess
import time

from safetensors.numpy import load_file

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("model", type=pathlib.Path)
parser.add_argument("--count", type=int, default=50)
parser.add_argument("--seed", type=int, default=0)
options = parser.parse_args()
folder = options.folder.resolve()
saved, metrics, plan = folder / "out.safetensors", folder / "m.jsonl", folder / "compiled.mlir"
TRAIN = ["bitpipe-run", folder / "plan.mlir", f"--data={folder / 'data.safetensors'}", f"--save={saved}",
         f"--metrics={metrics}"]
COMPILE = ["bitpipe-opt", options.model.resolve(), "--pipeline=1f1b", "--devices=2", "--microbatches=4", "-o", plan]
after = {}  # steps -> parameters


def weights_after(steps):
    if steps not in after:
        target = folder / "expected.safetensors"
        subprocess.run([*TRAIN[:3], f"--save={target}", "--force", f"--steps={steps}"], check=True, capture_output=True)
        after[steps] = target.read_bytes()
    return after[steps]


def steps_in(path):
    """The steps that the metrics hold; only a killed writer may leave its last line unfinished."""
    lines = path.read_text().split("\n") if path.exists() else [""]
    for line in lines[:-1]:
        json.loads(line)
    return len(lines) - 1


def end_at(command, moment, number):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(moment)
    process.send_signal(number)
    return process.wait(timeout=120)


def files():
    """What is in the folder, but for what only SIGKILL may leave and the check itself writes."""
    return {p.name for p in folder.iterdir() if p.name != "expected.safetensors"}


def end_training(draw):
    """SIGKILL leaves the old file or the new one; SIGTERM a new one that is right."""
    saved.unlink(missing_ok=True)
    metrics.unlink(missing_ok=True)
    before = weights_after(3)
    saved.write_bytes(before)
    number = draw.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
    code = end_at([*TRAIN, "--steps=1000000"], draw.uniform(0, 0.6), number)
    steps = steps_in(metrics)
    if code == 3 and steps == 0:
        begin, got = load_file(folder / "weights.safetensors"), load_file(saved)
        assert all((begin[name] == got[name]).all() for name in begin), "not the parameters of the plan"
        return "saved before the first step"
    if code == 3:
        assert saved.read_bytes() == weights_after(steps), f"not the parameters after {steps} steps"
        return "saved"
    # Before the first step a signal ends the process as any other.
    assert code == -number, code
    assert saved.read_bytes() == before, "neither the old parameters nor new ones"
    return "killed" if number == signal.SIGKILL else "ended before the first step"


def end_compiling(draw):
    """A plan is there with all its files, or as it was."""
    for path in folder.glob("compiled.*"):
        path.unlink()
    if draw.randrange(2):
        subprocess.run(COMPILE, check=True, capture_output=True)
    number = draw.choice([signal.SIGKILL, signal.SIGTERM])
    end_at(COMPILE, draw.uniform(0, 1.0), number)
    names = {p.name for p in folder.glob("compiled*")}
    assert names in (set(), {"compiled.mlir", "compiled.weights.safetensors", "compiled.kernels.so"}), names
    if names:
        data = options.model.resolve().parent / "data.safetensors"
        subprocess.run(["bitpipe-run", plan, f"--data={data}", "--steps=1"], check=True, capture_output=True)
    return "whole" if names else "none"


def fill_disk(draw):
    """No file may grow beyond a random size, which for a process is a disk that is full."""
    saved.unlink(missing_ok=True)
    metrics.unlink(missing_ok=True)
    before = weights_after(3)
    saved.write_bytes(before)
    limit = draw.choice([0, draw.randrange(1, len(before)), draw.randrange(len(before), 20000)])
    done = subprocess.run([*TRAIN, "--steps=60"], capture_output=True, text=True,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    if done.returncode == 0:
        assert saved.read_bytes() == weights_after(60)
        return "saved" + " with a warning of the metrics" * ("warning" in done.stderr)
    assert done.returncode == 1 and "out.safetensors: error: cannot write" in done.stderr, done
    assert saved.read_bytes() == before, "the old parameters are gone"
    return "refused"


def main():
    tally = {}
    for i in range(options.count):
        draw = random.Random(options.seed + i)
        case = (end_training, end_training, end_compiling, fill_disk)[i % 4]
        before = files()
        try:
            what = f"{case.__name__}: {case(draw)}"
        except AssertionError as error:
            raise SystemExit(f"moment {options.seed + i}, {case.__name__}: {error}")
        tally[what] = tally.get(what, 0) + 1
        for path in folder.glob(".bitpipe-*"):  # of SIGKILL
            path.unlink()
        left = files() - before - {saved.name, metrics.name} - {p.name for p in folder.glob("compiled.*")}
        assert not left, left
    for what, count in sorted(tally.items()):
        print(f"{count} x {what}")
    print(f"{options.count} moments from seed {options.seed}, all as promised")


main()
