"""Ends and resumes runs of toy plans.

    checkpoints.py ADAMW SGD ALONE      folders of toy plans; the last one is ADAMW on a single device
"""

import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy
from checkpoint_runs import (
    AT_ONCE, check_tidy, checkpoints, command, expect, fresh, keeping, kept, metrics, newest, numbers, result,
    run, saved, undisturbed)
from run import folder, steps_in
from safetensors.numpy import load_file, save_file

sgd, alone = map(pathlib.Path, sys.argv[2:4])


def test_stopped_after_every_step(plan):
    expected = undisturbed(plan=plan, steps=8)
    fresh()
    out, _ = keeping("--resume", AT_ONCE, code=3, plan=plan, steps=8)
    expect(out, "holds no checkpoint yet", "from the beginning", "stopped after step 1 of 8")
    for step in range(2, 8):
        out, _ = keeping("--resume", AT_ONCE, code=3, plan=plan, steps=8)
        expect(out, f"step-{step - 1:08}: the training goes on after step {step - 1} of 8", f"step {step} of 8")
    keeping("--resume", plan=plan, steps=8)
    assert result() == expected
    check_tidy()
    # Who was done already is done at once, and has its file.
    saved.unlink()
    out, _ = keeping("--resume", plan=plan, steps=8)
    expect(out, "all 8 steps are done")
    assert result() == expected


def test_killed(plan):
    """kill -9 at random moments in the loop of a job that is requeued."""
    draw = random.Random(plan.name)
    expected = undisturbed(plan=plan, steps=1500)
    fresh()
    kills = 0
    while True:
        process = subprocess.Popen(command(f"--checkpoint={kept}", "--checkpoint-every=7", "--resume", "--keep=2",
                                           plan=plan, steps=1500), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            process.wait(timeout=draw.uniform(0, 0.15 + 0.01 * kills))
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
    assert process.returncode == 0, process.stderr.read()
    assert kills > 2 and result() == expected, kills
    check_tidy(keep=2)


def test_terminated():
    expected = undisturbed(steps=3000)
    fresh()
    process = subprocess.Popen(command(f"--checkpoint={kept}", steps=3000), stdout=subprocess.PIPE, text=True)
    while len(steps_in(metrics)) < 5:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=120)
    done = len(steps_in(metrics))
    assert process.returncode == 3 and f"interrupted after step {done} of 3000" in out, out
    assert checkpoints() == [f"step-{done:08}"] and saved.exists()
    keeping("--resume", every="2h", steps=3000)
    assert result() == expected


def test_requeued():
    """The loop of a shell as docs/Commands.md has it."""
    expected = undisturbed()
    fresh()
    words = command(f"--checkpoint={kept}", "--checkpoint-every=3", AT_ONCE, "--resume")
    loop = "runs=1; until \"$@\" > /dev/null; do test $? = 3 || exit 1; runs=$((runs+1)); done; echo $runs"
    done = subprocess.run(["bash", "-c", loop, "loop", *words], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "20\n"), done
    assert result() == expected


def test_skipped_steps():
    """What was skipped counts on: for the bias correction, and in a row."""
    data = load_file(folder / "data.safetensors")
    data["x"][3] = numpy.nan
    bad = folder / "bad.safetensors"
    save_file(data, bad)
    steps = {"data": bad, "steps": 7}
    expected = undisturbed(**steps)
    assert 0 < sum(bool(one[-1]) for one in expected[1]) < 7, expected[1]
    fresh()
    for _ in range(6):
        keeping("--resume", AT_ONCE, code=3, **steps)
    out, _ = keeping("--resume", **steps)
    assert result() == expected
    expect(out, f"{sum(bool(one[-1]) for one in expected[1])} of 7 steps changed nothing")
    # All steps are bad: the run ends with what was good, in whichever run they came.
    data["x"][:] = numpy.nan
    save_file(data, bad)
    fresh()
    for _ in range(2):
        keeping("--resume", "--max-bad-steps=3", AT_ONCE, code=3, **steps)
    _, errors = keeping("--resume", "--max-bad-steps=3", code=4, **steps)
    expect(errors, "ended at step 3 of 7, since 3 steps in a row")
    assert newest().name == "step-00000002"  # none from which nothing is left to do


def test_other_plan():
    """On one device the same training, to rounding."""
    undisturbed()
    expected = load_file(saved)
    fresh()
    keeping(AT_ONCE, code=3)
    out, _ = keeping("--resume", plan=alone)
    expect(out, "the plan has changed, which rounds otherwise: devices 1 (was 2)")
    for name, value in load_file(saved).items():
        assert numpy.allclose(value, expected[name], rtol=1e-4, atol=1e-6), name


def test_changes():
    fresh()
    keeping(AT_ONCE, code=3)
    out, _ = keeping("--resume", "--weight-decay=0.5", "--weight-decay-for=matrices", "--lr-min=0.001", AT_ONCE, code=3, steps=24)
    expect(out, "the new ones count: --steps 24 (was 20), --lr-min 0.001 (was 0), --weight-decay 0.5 (was 0.01), "
           "--weight-decay-for matrices (was all)\n")
    _, errors = keeping("--resume", code=1, steps=1)
    expect(errors, "step-00000002: error: is after step 2, expected at most --steps=1")
    _, errors = keeping("--resume", code=1, plan=sgd)
    expect(errors, "has the state of optimizer adamw, the plan's is sgd")
    _, errors = keeping(code=1)
    expect(errors, "holds checkpoints, the newest is", "expected --resume, or a folder without any")


def test_metrics():
    """A step is there once, whatever was written after the checkpoint."""
    expected = undisturbed()[1]
    fresh()
    keeping(AT_ONCE, code=3)
    line = metrics.read_text()
    for more in ("", line.replace('"step": 1', '"step": 2'), line.replace('"step": 1', '"step": 7'), "{", line[:-9]):
        shutil.copytree(kept, folder / "copy", dirs_exist_ok=True)
        metrics.write_text(line + more)
        keeping("--resume")
        assert numbers() == expected, more
        shutil.rmtree(kept)
        (folder / "copy").rename(kept)


def test_load_is_for_the_beginning():
    fresh()
    run(steps=3)
    start = folder / "start.safetensors"
    saved.rename(start)
    expected = (run(f"--load={start}"), result())[1]
    fresh()
    out, _ = keeping("--resume", f"--load={start}", AT_ONCE, code=3)
    assert "is not read" not in out
    out, _ = keeping("--resume", f"--load={start}")
    expect(out, "start.safetensors (--load) is not read, which is for the beginning")
    assert result() == expected


def test_options():
    fresh()
    here = f"--checkpoint={kept}"
    for options, message in (
            (["--resume"], "--checkpoint is missing, expected a folder with --resume"),
            (["--keep=2"], "--checkpoint is missing"),
            (["--checkpoint="], "--checkpoint is '', expected a folder"),
            ([here, "--keep=0"], "--keep is '0', expected a whole number, at least 1"),
            ([here, "--checkpoint-every=0"], "--checkpoint-every is '0', expected a number of steps, or a time as 90s"),
            ([here, "--checkpoint-every=5d"], "--checkpoint-every is '5d'"),
            ([here, "--checkpoint-every=1.5"], "--checkpoint-every is '1.5'"),
            ([here, "--checkpoint-every=s"], "--checkpoint-every is 's'"),
            ([here, "--new-data"], "--new-data is given without --resume"),
            (["--stop-after=0"], "--stop-after is '0', expected minutes, or a time as 90s, 55m or 2h"),
            (["--stop-after=soon"], "--stop-after is 'soon'"),
            ([f"--checkpoint={saved}"], f"--save is '{saved}', which --checkpoint fills")):
        _, errors = run(*options, code=2)
        expect(errors, message)
        assert errors.count("\n") == 1 and not kept.exists(), errors
    # Time alone ends a run, too.
    out, _ = run("--stop-after=0.00001", code=3)
    expect(out, "stopped after step 1 of 20")
    # By the clock as well.
    keeping(every="0.0001s", steps=6)
    assert len(checkpoints()) == 3, checkpoints()


for plan in (folder, sgd):
    test_stopped_after_every_step(plan)
    test_killed(plan)
for test in (test_terminated, test_requeued, test_skipped_steps, test_other_plan, test_changes, test_metrics,
             test_load_is_for_the_beginning, test_options):
    test()
    print(test.__name__, "is good")
