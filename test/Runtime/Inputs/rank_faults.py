"""What happens when one of several processes does not do its part.

    rank_faults.py FOLDER PLAN_FOR_4_DEVICES DATA STOP_AT_LIBRARY

However one rank fails, all end, with an exit code that is not 0 and a text that names the rank, and no process stays.
"""
import atexit
import contextlib
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import time

folder, plan, data, stop_at = pathlib.Path(sys.argv[1]), *sys.argv[2:]
folder.mkdir(parents=True, exist_ok=True)
run = ["bitpipe-run", plan, f"--data={data}"]


class Job:
    """A run of four processes under a launcher, with what it prints."""

    def __init__(self, *options, command=run, processes=4):
        self.out, self.err = open(folder / "out", "w+"), open(folder / "err", "w+")
        self.process = subprocess.Popen(["mpirun", "-n", str(processes), *command, *options], stdout=self.out,
                                        stderr=self.err)
        atexit.register(self.process.kill)  # a check that fails leaves nothing behind

    def ranks(self):
        """Their process ids, by rank."""
        listed = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        children = listed.read_text().split() if listed.exists() else []
        ranks = {}
        for child in children:
            try:
                environment = pathlib.Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
            except OSError:
                continue  # it has just ended
            for entry in environment:
                if entry.startswith(b"OMPI_COMM_WORLD_RANK="):
                    ranks[int(entry.split(b"=")[1])] = int(child)
        return ranks

    def wait_for(self, text, file="out"):
        deadline = time.time() + 60
        while text not in (folder / file).read_text():
            assert time.time() < deadline and (file == "err" or self.process.poll() is None), (text, self.text())
            time.sleep(0.05)

    def end(self, seconds=60):
        """The exit code; by then no process may be left for long."""
        pids = self.ranks() if self.process.poll() is None else {}
        code = self.process.wait(timeout=seconds)
        deadline = time.time() + 10
        while any(pathlib.Path(f"/proc/{pid}").exists() for pid in pids.values()):
            assert time.time() < deadline, "a process is left"
            time.sleep(0.05)
        return code

    def text(self):
        return (folder / "err").read_text() + (folder / "out").read_text()


def expect(what, condition, job):
    assert condition, f"{what}\n{job.text()}"


def killed(victim):
    job = Job("--steps=1000000")
    job.wait_for("step 1/")
    os.kill(job.ranks()[victim], signal.SIGKILL)
    expect("exit code", job.end() != 0, job)
    expect("the report names the rank", f"rank {victim} has ended, and everything waits for it" in job.text(), job)


def stalled(rank):
    job = Job("--steps=1000000", "--timeout=6")
    job.wait_for("step 1/")
    victim = job.ranks()[rank]
    os.kill(victim, signal.SIGSTOP)
    try:
        job.wait_for("gives up", "err")
        job.wait_for(f"everything waits for rank {rank}", "err")
        expect("the report", f"rank {rank}: silent" in job.text(), job)
    finally:
        os.kill(victim, signal.SIGKILL)
    expect("exit code", job.end() != 0, job)


def stalled_within(function, call, rank, text, *options):
    """A rank stops for good where the others wait in another way than in the steps. Whoever of them says so first may
    end the job before the rest have."""
    stop = ["env", f"LD_PRELOAD={stop_at}", f"STOP_AT={function}", f"STOP_COUNT={call}", f"STOP_RANK={rank}"]
    job = Job("--steps=4", "--timeout=3", *options, command=[*stop, *run])
    # Open MPI's mpirun now and then crashes or hangs when its ranks end in MPI_Finalize.
    if function == "MPI_Finalize":
        while len(ranks := job.ranks()) < 4:
            time.sleep(0.05)
        job.wait_for(text, "err")
        for process in [*ranks.values(), job.process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        job.end()
    else:
        expect("exit code", job.end() == 5, job)
    expect(f"'{text}'", text in job.text(), job)


def suspended():
    """All stop for longer than the timeout, as a batch system may do it, and go on."""
    job = Job("--steps=1000000", "--timeout=2")
    job.wait_for("step 1/")
    ranks = job.ranks()
    for sign, seconds in ((signal.SIGSTOP, 3), (signal.SIGCONT, 1)):
        for pid in ranks.values():
            os.kill(pid, sign)
        time.sleep(seconds)
    os.kill(ranks[1], signal.SIGTERM)
    expect("exit code", job.end() == 3, job)


def asked():
    job = Job("--steps=1000000")
    job.wait_for("step 1/")
    time.sleep(1.5)  # all have told of themselves
    os.kill(job.ranks()[0], signal.SIGUSR1)
    job.wait_for("device 3 (rank 3): step ", "err")
    for device in range(4):
        expect("a line per device", f"device {device} (rank {device}): step " in job.text(), job)
    os.kill(job.process.pid, signal.SIGINT)
    job.end()
    expect("the same step on all", job.text().count("interrupted after step") == 1, job)


def interrupted():
    saved = folder / "saved.safetensors"
    saved.unlink(missing_ok=True)
    job = Job("--steps=1000000", f"--save={saved}", f"--metrics={folder / 'm.jsonl'}")
    job.wait_for("step 1/")
    os.kill(job.ranks()[3], signal.SIGTERM)
    expect("exit code", job.end() == 3, job)
    steps = len((folder / "m.jsonl").read_text().splitlines())
    expect("steps", f"interrupted after step {steps} of" in job.text(), job)
    again = folder / "again.safetensors"
    subprocess.run([*run, f"--steps={steps}", f"--save={again}", "--force"], check=True, capture_output=True)
    expect("what is saved", saved.read_bytes() == again.read_bytes(), job)


def differs(condition, text, usual=run):
    """Rank 2 is started in another way."""
    other = folder / "other.sh"
    words = " ".join(shlex.quote(str(word)) for word in usual)
    changed = " ".join(shlex.quote(str(word)) for word in condition)
    other.write_text(f'#!/bin/sh\n[ "$OMPI_COMM_WORLD_RANK" = 2 ] && exec {changed} "$@"\nexec {words} "$@"\n')
    other.chmod(0o755)
    job = Job("--steps=3", command=[str(other)])
    expect("exit code", job.end() != 0, job)
    expect(f"'{text}' once", job.text().count(text) == 1, job)


def wrong_starts():
    other_plan = folder / "other.mlir"
    shutil.copy(plan, other_plan)
    with open(other_plan, "a") as file:
        file.write("// another\n")
    differs([run[0], other_plan, run[2]], "rank 2 has another plan than rank 0")
    differs([*run, "--seed=5"], "rank 2 has another --seed than rank 0: 5, expected 0")
    differs([run[0], folder / "none.mlir", run[2]], f"rank 2: {folder / 'none.mlir'}: error: cannot read the plan")
    bad = folder / "bad.safetensors"
    bad.write_bytes(pathlib.Path(data).read_bytes()[:100])
    differs([run[0], plan, f"--data={bad}"], f"rank 2: {bad}: error")
    changed = bytearray(pathlib.Path(data).read_bytes())
    changed[-1] ^= 1
    bad.write_bytes(changed)
    differs([run[0], plan, f"--data={bad}"], "rank 2 has another data file than rank 0")
    differs([*run, f"--save={folder / 'one'}"], "rank 2 has another --save than rank 0: given, expected not given")
    weights = pathlib.Path(plan).with_suffix(".weights.safetensors")
    loaded = folder / "loaded.safetensors"
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    loaded.write_bytes(changed)
    differs([*run, f"--load={loaded}"], "rank 2 has another file of parameters (--load) than rank 0",
            usual=[*run, f"--load={weights}"])
    job = Job("--steps=3", processes=5)
    expect("exit code", job.end() != 0, job)
    expect("too many", job.text().count("the plan is for 4 devices, expected at most as many processes, got 5") == 1, job)
    job = Job("--steps=0")
    expect("exit code", job.end() == 2, job)
    expect("one complaint", job.text().count("--steps is '0'") == 1, job)


def never_starts():
    """Under torchrun's variables, of two processes one."""
    environment = {**os.environ, "RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1",
                   "MASTER_PORT": "29617", "TORCHELASTIC_RUN_ID": "one of two"}
    done = subprocess.run([*run, "--steps=3", "--timeout=3"], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "have not come to" in done.stderr and "ranks [1]" in done.stderr, done
    job = Job("--steps=3", "--timeout=3", ":", "-n", "1", "sleep", "60", processes=1)
    expect("exit code", job.end() == 5, job)
    expect("what is missing", "MPI has not connected all processes within 3 s" in job.text(), job)


def woken():
    """A rank that was stopped until the others gave it up says so when it goes on. No launcher ends it before."""
    def start(rank):
        environment = {**os.environ, "RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank),
                       "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29637", "TORCHELASTIC_RUN_ID": "woken"}
        return subprocess.Popen([*run, "--steps=1000000", "--timeout=3"], env=environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    ranks = [start(0), start(1)]
    try:
        while "step 1/" not in ranks[0].stdout.readline():
            assert ranks[0].poll() is None, ranks[0].stderr.read()
        os.kill(ranks[1].pid, signal.SIGSTOP)
        _, told = ranks[0].communicate(timeout=60)
        assert ranks[0].returncode == 5 and "everything waits for rank 1" in told, told
        os.kill(ranks[1].pid, signal.SIGCONT)
        _, told = ranks[1].communicate(timeout=60)
        assert ranks[1].returncode == 5 and "this process had been stopped for" in told, told
    finally:
        for process in ranks:
            process.kill()


for rank in range(4):
    killed(rank)
stalled(2)
stalled(0)
stalled_within("MPI_Init_thread", 1, 1, "gives up: MPI has not connected all processes within 3 s")
stalled_within("MPI_Finalize", 1, 2, "gives up: other ranks have not come to the end within 3 s")
stalled_within("rename", 2, 0, "gives up: nothing has come from other ranks for 3 s", "--checkpoint-every=2",
               f"--checkpoint={folder / 'checkpoints'}")
suspended()
asked()
interrupted()
wrong_starts()
woken()
never_starts()
print("all ended well")
