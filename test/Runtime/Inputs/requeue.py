"""Kills a rank of a job again and again, and starts the job again with the same command line, until it is done.

    requeue.py FOLDER PLAN DATA [--kills=8] [--ranks=4] [--steps=120] [--seed=0]

The final parameters are bit for bit those of a run that nobody disturbed, every end names the rank that was killed, and no
process is left. Prints how long it took until all had ended.
"""
import argparse
import os
import pathlib
import random
import re
import shutil
import signal
import statistics
import subprocess
import time

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("plan")
parser.add_argument("data")
parser.add_argument("--kills", type=int, default=8)
parser.add_argument("--ranks", type=int, default=4)
parser.add_argument("--steps", type=int, default=120)
parser.add_argument("--seed", type=int, default=0)
options = parser.parse_args()
folder, draw = options.folder, random.Random(options.seed)
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
train = ["bitpipe-run", options.plan, f"--data={options.data}", f"--steps={options.steps}", "--shuffle"]


def rank_of(child):
    try:
        variables = pathlib.Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    for variable in variables:
        if variable.startswith(b"OMPI_COMM_WORLD_RANK="):
            return int(variable.split(b"=")[1])
    return None


def ranks_of(job):
    """Process ids by rank; empty until all have been started."""
    listed = pathlib.Path(f"/proc/{job.pid}/task/{job.pid}/children")
    children = listed.read_text().split() if listed.exists() else []
    return {rank_of(child): int(child) for child in children if rank_of(child) is not None}


def start(name):
    command = ["mpirun", "-n", str(options.ranks), *train, f"--checkpoint={folder / 'checkpoints'}", "--checkpoint-every=3",
               "--resume", f"--save={folder / name}", f"--metrics={folder / 'm.jsonl'}"]
    return subprocess.Popen(command, stdout=open(folder / "out", "w"), stderr=open(folder / "err", "w"))


def latest():
    marker = folder / "checkpoints" / "latest"
    return marker.read_text() if marker.exists() else ""


def kill_once(victim, name):
    """Starts the job, kills a rank at some moment after the job has got further than before; seconds until all ended."""
    before, job = latest(), start(name)
    while len(ranks_of(job)) < options.ranks or latest() == before:
        if job.poll() is not None:
            return None  # it was done before it could be killed
        time.sleep(0.005)
    time.sleep(draw.random() * 0.1)
    ranks = ranks_of(job)
    if len(ranks) < options.ranks:
        assert job.wait(timeout=120) == 0
        return None
    begin = time.time()
    os.kill(ranks[victim], signal.SIGKILL)
    code = job.wait(timeout=120)
    while any(pathlib.Path(f"/proc/{pid}").exists() for pid in ranks.values()):
        assert time.time() < begin + 60, "a process is left"
        time.sleep(0.01)
    took, text = time.time() - begin, (folder / "err").read_text()
    if code == 0:
        return None
    named = re.findall(r"rank (\d+) has ended, and everything waits for it", text)
    assert named == [str(victim)], (victim, text)
    return took


subprocess.run([*train, f"--save={folder / 'expected.safetensors'}"], check=True, capture_output=True)
expected = (folder / "expected.safetensors").read_bytes()
times, rounds = [], 0
while len(times) < options.kills:
    rounds += 1
    for file in ("m.jsonl", "saved.safetensors"):
        (folder / file).unlink(missing_ok=True)
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    while len(times) < options.kills and not (folder / "saved.safetensors").exists():
        took = kill_once(len(times) % options.ranks, "saved.safetensors")
        if took is not None:
            times.append(took)
    if not (folder / "saved.safetensors").exists():
        assert start("saved.safetensors").wait(timeout=300) == 0, (folder / "err").read_text()
    assert (folder / "saved.safetensors").read_bytes() == expected, "other bits than the run that nobody disturbed"
    steps = [int(re.search(r'"step": (\d+)', line)[1]) for line in (folder / "m.jsonl").read_text().splitlines()]
    assert steps == list(range(1, options.steps + 1)), steps
print(f"{len(times)} kills in {rounds} trainings, all with the bits of an undisturbed run; all ended within "
      f"{statistics.median(times):.2f} s (median), {max(times):.2f} s (most)")
