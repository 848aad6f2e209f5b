"""Checkpoints under mpirun, where something is wrong on one rank only, or the next run has another number of ranks.

    rank_checkpoints.py FOLDER      of a toy plan for two devices, each of which owns a stage
"""

import os
import shutil
import signal
import subprocess
import time

from run import folder, steps_in
from safetensors.numpy import load_file

kept, saved, metrics = folder / "kept", folder / "out.safetensors", folder / "m.jsonl"


def command(*options, ranks=2, steps=12, only_rank_1=None):
    """Rank 1 may do something in its shell before it begins."""
    words = ["bitpipe-run", folder / "plan.mlir", "--threads=1", f"--data={folder / 'data.safetensors'}", f"--steps={steps}",
             f"--metrics={metrics}", "--shuffle", *options]
    if only_rank_1:
        words = ["bash", "-c", f'if [ $OMPI_COMM_WORLD_RANK = 1 ]; then {only_rank_1}; fi; exec "$@"', "rank", *words]
    return [*(["mpirun", "-n", str(ranks)] if ranks > 1 else []), *words]


def run(*options, code=0, **keywords):
    done = subprocess.run(command(*options, **keywords), capture_output=True, text=True, timeout=120, cwd=folder)
    assert done.returncode == code, (done.args, done.returncode, done.stdout, done.stderr)
    return done.stdout, done.stderr


def checkpoints():
    return sorted(path.name for path in kept.iterdir() if path.name.startswith((".step", "step")))


def expect(text, *parts):
    assert all(part in text for part in parts), (parts, text)


here, often = f"--checkpoint={kept}", "--checkpoint-every=5"
run(f"--save={saved}", ranks=1)
expected = saved.read_bytes()
saved.unlink()

# Every rank writes what it owns, whoever reads it.
for ranks in (1, 2, 1, 2):
    run(here, "--resume", "--stop-after=0.001s", code=3, ranks=ranks)
    files = {path.name for path in (kept / checkpoints()[-1]).glob("*-of-*")}
    assert files == {f"{kind}-{rank:05}-of-{ranks:05}.safetensors" for kind in ("model", "moment1", "moment2")
                     for rank in range(1, ranks + 1)}, files
parts = [set(load_file(kept / "step-00000004" / f"model-0000{rank}-of-00002.safetensors")) for rank in (1, 2)]
assert parts == [{"first"}, {"second", "bias"}], parts
run(here, "--resume", f"--save={saved}", ranks=1)
assert saved.read_bytes() == expected

# A signal to one of them.
shutil.rmtree(kept)
metrics.unlink()
number = folder / "process"
job = subprocess.Popen(command(here, steps=10**6, only_rank_1=f"echo $$ > {number}"), stdout=subprocess.PIPE,
                       stderr=subprocess.DEVNULL, text=True)
while len(steps_in(metrics)) < 5:
    time.sleep(0.01)
os.kill(int(number.read_text()), signal.SIGTERM)
out, _ = job.communicate(timeout=120)
done = len(steps_in(metrics))
assert job.returncode == 3 and checkpoints() == [f"step-{done:08}"], (job.returncode, checkpoints(), done, out)
expect(out, f"interrupted after step {done} of 1000000")

# The disk of rank 1 is full: no checkpoint, on all ranks, but the training goes on.
shutil.rmtree(kept)
_, errors = run(here, often, code=1, only_rank_1="ulimit -f 0")
for step in (5, 10):
    expect(errors, f"warning: no checkpoint after step {step}: rank 1: {kept}/.step-{step:08}.draft/model-00002-of-00002"
                   ".safetensors: error: cannot write: File too large")
expect(errors, "error: the run ends without a checkpoint after step 12: rank 1: ")
assert checkpoints() == [] and len(steps_in(metrics)) == 12, checkpoints()

# Rank 1 is where the folder is another one, or none.
_, errors = run("--checkpoint=kept", code=1, only_rank_1=f"cd {folder / 'kept'}")
expect(errors, "rank 1: kept: error: cannot write: No such file or directory, expected a folder that all processes share")

# What is damaged is found by the rank that compares it.
run(here, often)
damaged = kept / "step-00000012" / "moment2-00002-of-00002.safetensors"
data = bytearray(damaged.read_bytes())
data[-1] ^= 1
damaged.write_bytes(data)
_, errors = run(here, "--resume", code=1)
expect(errors, f"{damaged}: error: was changed since it was written", "the newest before it is ", "step-00000010")
assert errors.count("was changed") == 1, errors
print("all as one")
