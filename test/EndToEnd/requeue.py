"""Kills one rank after the other of a job under mpirun, at random moments, and starts it again with the same command.

    requeue.py PLAN DATA [--kills=40] [--processes=4] [--seed=0]

Then it is left alone until it is done. It must save what an undisturbed run of threads saves, and no process may be left.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

parser = argparse.ArgumentParser()
parser.add_argument("plan", type=pathlib.Path)
parser.add_argument("data", type=pathlib.Path)
parser.add_argument("--kills", type=int, default=40)
parser.add_argument("--processes", type=int, default=4)
parser.add_argument("--seed", type=int, default=0)
options = parser.parse_args()
draw = random.Random(options.seed)
folder = options.plan.parent
kept, saved, metrics = folder / "kept", folder / "out.safetensors", folder / "m.jsonl"
TRAIN = ["bitpipe-run", options.plan, "--threads=1", f"--data={options.data}", "--shuffle", "--clip=1", f"--save={saved}",
         f"--metrics={metrics}"]


def ranks_of(launcher):
    """The processes that a launcher has started, by rank."""
    found = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            environment = (entry / "environ").read_bytes().split(b"\0")
        except (OSError, ValueError):
            continue  # it has just ended
        for variable in environment if parent == launcher else ():
            if variable.startswith(b"OMPI_COMM_WORLD_RANK="):
                found[int(variable.split(b"=")[1])] = int(entry.name)
    return found


def ended(process):
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def steps_done():
    return metrics.read_text().count("\n") if metrics.exists() else 0


def kill_one(rank, moment, steps):
    """Starts the job and kills a rank; the time until nothing is left of it, or none if it was done before."""
    job = subprocess.Popen(["mpirun", "-n", str(options.processes), *TRAIN, f"--steps={steps}", "--resume",
                            f"--checkpoint={kept}", "--checkpoint-every=3"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while len(ranks := ranks_of(job.pid)) < options.processes and job.poll() is None:
        time.sleep(0.005)
    time.sleep(moment)
    if job.poll() is not None:
        assert job.returncode == 0, job.stderr.read()
        return None
    try:
        os.kill(ranks[rank], signal.SIGKILL)
    except ProcessLookupError:  # done just now
        assert job.wait(timeout=120) == 0, job.stderr.read()
        return None
    begin = time.monotonic()
    _, errors = job.communicate(timeout=120)
    while not all(map(ended, ranks.values())):
        assert time.monotonic() - begin < 60, f"left of the job: {ranks}"
        time.sleep(0.005)
    if job.returncode == 0:
        return None  # the rank had done everything
    if "everything waits for it" in errors:  # the watch was there already
        assert f"rank {rank} has ended, and everything waits for it" in errors, (rank, errors)
    return time.monotonic() - begin


def main():
    # Long enough that every kill finds the training under way, at any speed of the machine.
    steps, kills, times = 100, 0, []
    while kills < options.kills:
        took = kill_one(kills % options.processes, draw.uniform(0, 1.5), steps)
        if took is None:
            steps = 2 * steps
            continue
        times.append(took)
        kills += 1
    before = steps_done()
    subprocess.run(["mpirun", "-n", str(options.processes), *TRAIN, f"--steps={steps}", "--resume",
                    f"--checkpoint={kept}", "--checkpoint-every=3"], check=True, stdout=subprocess.DEVNULL, timeout=600)
    got, lines = saved.read_bytes(), [json.loads(line)["step"] for line in metrics.read_text().splitlines()]
    assert lines == list(range(1, steps + 1)), lines
    left = {path.name for path in kept.iterdir() if not path.name.startswith("step-")}
    assert left == {"latest", ".bitpipe-lock"} and len(list(kept.iterdir())) == 5, left
    subprocess.run([*TRAIN, f"--steps={steps}"], check=True, stdout=subprocess.DEVNULL, timeout=600)
    assert saved.read_bytes() == got, "other bits than undisturbed"
    print(f"{kills} kills, the same bits after {steps} steps, of which {before} were done when the last was killed; "
          f"until all had ended {max(times):.2f} s at most, {sorted(times)[len(times) // 2]:.2f} s as a rule")


for path in (kept,):
    shutil.rmtree(path, ignore_errors=True)
for path in (saved, metrics):
    path.unlink(missing_ok=True)
main()
