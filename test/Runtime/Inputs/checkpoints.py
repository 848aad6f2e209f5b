"""Ends and resumes runs of toy plans, and damages their checkpoints.

    checkpoints.py ADAMW SGD ALONE      folders of toy plans; the last one is ADAMW on a single device
"""

import json
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import time

import numpy
from run import folder, steps_in
from safetensors.numpy import load_file, save_file

sgd, alone = map(pathlib.Path, sys.argv[2:4])
kept, saved, metrics = folder / "kept", folder / "out.safetensors", folder / "m.jsonl"
OPTIONS = ["--lr=0.01", "--warmup=3", "--lr-schedule=cosine", "--clip=0.9", "--shuffle", "--seed=3"]
AT_ONCE = "--stop-after=0.001s"  # after the first step


def command(*options, plan=folder, data=folder / "data.safetensors", steps=20):
    return ["bitpipe-run", plan / "plan.mlir", f"--data={data}", f"--steps={steps}", f"--save={saved}", "--threads=1",
            f"--metrics={metrics}", *OPTIONS, *options]


def run(*options, code=0, limit=None, **keywords):
    """What was said: (standard output, errors)."""
    bound = limit and (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    done = subprocess.run(command(*options, **keywords), capture_output=True, text=True, timeout=120, preexec_fn=bound)
    assert done.returncode == code, (done.args, done.returncode, done.stdout, done.stderr)
    return done.stdout, done.stderr


def keeping(*options, every=3, **keywords):
    return run(f"--checkpoint={kept}", f"--checkpoint-every={every}", *options, **keywords)


def fresh():
    shutil.rmtree(kept, ignore_errors=True)
    for path in (saved, metrics):
        path.unlink(missing_ok=True)


def numbers():
    """What the metrics say of each step, but for the time."""
    return [(s["step"], s["loss"], s["grad_norm"], s["lr"], s.get("skipped")) for s in steps_in(metrics)]


def result():
    return saved.read_bytes(), numbers()


def undisturbed(**keywords):
    fresh()
    run(**keywords)
    return result()


def checkpoints():
    return sorted(p.name for p in kept.glob("step-*"))


def newest():
    return kept / (kept / "latest").read_text().strip()


def check_tidy(keep=3):
    """Nothing is left of what was being written."""
    names = {p.name for p in kept.iterdir()}
    assert names == {*checkpoints(), "latest", ".bitpipe-lock"} and len(checkpoints()) <= keep, names
    assert newest().name == checkpoints()[-1]


def expect(text, *parts):
    assert all(part in text for part in parts), (parts, text)


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
    out, _ = keeping("--resume", "--weight-decay=0.5", AT_ONCE, code=3, steps=24)
    expect(out, "the new ones count: --steps 24 (was 20), --weight-decay 0.5 (was 0.01)\n")
    _, errors = keeping("--resume", code=1, steps=1)
    expect(errors, "step-00000002: error: is after step 2, expected at most --steps=1")
    _, errors = keeping("--resume", code=1, plan=sgd)
    expect(errors, "has the state of optimizer adamw, the plan's is sgd")
    _, errors = keeping(code=1)
    expect(errors, "holds checkpoints, the newest is", "expected --resume, or a folder without any")


def test_other_model():
    fresh()
    keeping(AT_ONCE, code=3)
    manifest = newest() / "checkpoint.json"
    good = manifest.read_text()
    for before, after, expected in (
            ('"shape":[12,8]', '"shape":[12,9]', "'first' is [12, 9], trained, expected [12, 8], trained"),
            ('"first"', '"uno"', "lacks parameter 'first' [12, 8]"),
            ('"shape":[5],"trained":true', '"shape":[5],"trained":false', "'bias' is [5], not trained, expected"),
            ('{"name":"bias"', '{"name":"more","shape":[5],"trained":true,"aliases":[]},\n  {"name":"bias"',
             "holds parameter 'more', which the plan has not")):
        assert before in good
        manifest.write_text(good.replace(before, after))
        _, errors = keeping("--resume", code=1)
        expect(errors, "step-00000001: error: is of another model", expected)


def test_other_data():
    fresh()
    other = folder / "other.safetensors"
    shutil.copy(folder / "data.safetensors", other)
    keeping(AT_ONCE, code=3, data=other)
    os.utime(other, (1, 1))
    out, _ = keeping("--resume", AT_ONCE, code=3, data=other)
    expect(out, "the data have another time of change than before")
    data = load_file(folder / "data.safetensors")
    data["x"] += 1
    save_file(data, other)
    _, errors = keeping("--resume", code=1, data=other)
    expect(errors, "step-00000002: error: was trained on", "other.safetensors of", "--new-data goes on with other data")
    keeping("--resume", "--new-data", AT_ONCE, code=3, data=other)
    position = json.loads((newest() / "checkpoint.json").read_text())["position"]
    assert position["step"] == 3 and position["samples"] == 16, position
    # The option means the data that are other, not those of every run that has it.
    keeping("--resume", "--new-data", AT_ONCE, code=3, data=other)
    assert json.loads((newest() / "checkpoint.json").read_text())["position"]["samples"] == 32


def damaged(path, change, expected, older):
    """A checkpoint that is not as it was written is refused, with the one to take instead."""
    good = path.read_bytes()
    change(path)
    _, errors = keeping("--resume", code=1)
    expect(errors, str(path), expected, f"the newest before it is {older}, which is taken if", "is removed")
    path.write_bytes(good)


def flip(path):
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)


def test_damaged():
    expected = undisturbed()
    fresh()
    keeping()
    last, older = newest(), kept / "step-00000018"
    assert last.name == "step-00000020"
    for name in sorted(p.name for p in last.iterdir() if p.name != "checkpoint.json"):
        damaged(last / name, flip, "was changed since it was written: its hash is", older)
        damaged(last / name, lambda path: path.write_bytes(path.read_bytes()[:-1]), "bytes, expected", older)
        damaged(last / name, pathlib.Path.unlink, "cannot read: No such file", older)
    manifest = last / "checkpoint.json"
    damaged(manifest, lambda path: path.write_bytes(path.read_bytes()[:-20]), "is no manifest of a checkpoint", older)
    damaged(manifest, pathlib.Path.unlink, "cannot read the manifest", older)
    for before, after, why in (('"format": 1', '"format": 7', "has format 7, expected 1"),
                               ('"samples": 320', '"samples": -1', "which contradicts itself"),
                               ('"updates": 20', '"updates": 19', "which contradicts itself"),
                               ('"step": 20', '"step": 21', "contradicts itself"),
                               ('"cosine"', '"cosinus"', "expected constant, cosine or linear"),
                               ('"model-', '"../model-', "expected one of its folder")):
        damaged(manifest, lambda path: path.write_text(path.read_text().replace(before, after)), why, older)
    # What the message says helps.
    shutil.rmtree(last)
    out, _ = keeping("--resume")
    expect(out, "step-00000018: the training goes on after step 18 of 20")
    assert result() == expected and newest() == last


def test_keep():
    fresh()
    (kept / "step-00000003").mkdir(parents=True)
    (kept / "step-00000003" / "mine.txt").write_text("not bitpipe's")
    _, errors = keeping("--resume", code=1)
    expect(errors, "step-00000003/checkpoint.json: error: cannot read the manifest", "there is none before it")
    shutil.rmtree(kept)
    keeping("--keep=2", AT_ONCE, code=3)
    (newest() / "note.txt").write_text("the best one")
    keeping("--keep=2", "--resume")
    assert checkpoints() == ["step-00000001", "step-00000018", "step-00000020"], checkpoints()
    shutil.rmtree(kept)
    kept.mkdir()
    (kept / "latest").write_text("a diary")
    _, errors = keeping("--resume", code=1)
    expect(errors, "latest: error: is there and was not written by bitpipe")
    shutil.rmtree(kept)
    kept.write_text("a file")
    _, errors = keeping("--resume", code=1)
    expect(errors, "kept: error: is no folder")
    kept.unlink()
    _, errors = run(f"--checkpoint={folder / 'no' / 'where'}", code=1)
    expect(errors, "cannot make the folder for checkpoints: No such file")


def test_leftovers():
    """What a writer that was killed has left goes, what others have put there stays."""
    fresh()
    for name in (".step-00000009.draft", ".step-00000012.draft"):
        (kept / name).mkdir(parents=True)
        (kept / name / "model-00001-of-00001.safetensors").write_text("half")
        (kept / name / ".bitpipe-1-2").write_text("half")
    (kept / ".step-00000012.draft" / "mine").write_text("not bitpipe's")
    (kept / ".bitpipe-1-1").write_text("step-0")
    with subprocess.Popen(["true"]) as ended:
        pass
    (kept / f".bitpipe-{ended.pid}-2").touch()
    (kept / ".bitpipe-1-3").write_text("what another run writes")
    (kept / "notes").write_text("mine")
    _, errors = keeping("--resume")
    expect(errors, "warning: no checkpoint after step 12", "cannot make the folder: File exists")
    assert {p.name for p in kept.iterdir()} == {*checkpoints(), "latest", ".bitpipe-lock", ".bitpipe-1-3", "notes",
                                                ".step-00000012.draft"}


def test_full_disk():
    """No file may grow beyond a limit that the manifest exceeds, and tensors do not."""
    fresh()
    keeping(AT_ONCE, code=3)
    before = {p.name: p.read_bytes() for p in newest().iterdir()}
    metrics.unlink()
    _, errors = keeping("--resume", code=1, limit=1200)
    expect(errors, "warning: no checkpoint after step 3: ", "checkpoint.json: error: cannot write: File too large",
           "error: the run ends without a checkpoint after step 20")
    assert checkpoints() == ["step-00000001"] and saved.exists()
    assert {p.name: p.read_bytes() for p in newest().iterdir()} == before
    check_tidy()


def test_one_run_only():
    fresh()
    with subprocess.Popen(command(f"--checkpoint={kept}", steps=10**6), stdout=subprocess.DEVNULL) as process:
        while len(steps_in(metrics)) < 2:
            time.sleep(0.01)
        _, errors = run(f"--checkpoint={kept}", code=1, steps=5)
        expect(errors, "kept: error: another run writes its checkpoints there")
        process.kill()


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


def test_read_by_others():
    """Parameters and moments under their names, of which --load takes the parameters."""
    fresh()
    keeping()
    parameters = load_file(saved)
    model, first, second = (load_file(newest() / f"{kind}-00001-of-00001.safetensors")
                            for kind in ("model", "moment1", "moment2"))
    assert model.keys() == first.keys() == second.keys() == parameters.keys()
    for name, value in parameters.items():
        assert value.dtype == numpy.float32 and numpy.array_equal(model[name], value), name
        assert first[name].shape == value.shape and (second[name] >= 0).all() and second[name].any(), name
    index = json.loads((newest() / "model.safetensors.index.json").read_text())
    assert index["weight_map"] == {name: "model-00001-of-00001.safetensors" for name in parameters}
    for path in (kept, newest()):
        subprocess.run([*command(steps=1)[:4], f"--load={path}", "--lr=0"], check=True, capture_output=True)
        assert all(numpy.array_equal(value, parameters[name]) for name, value in load_file(saved).items()), path


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
for test in (test_terminated, test_requeued, test_skipped_steps, test_other_plan, test_changes, test_other_model, test_other_data,
             test_damaged, test_keep, test_leftovers, test_full_disk, test_one_run_only, test_metrics,
             test_read_by_others, test_load_is_for_the_beginning, test_options):
    test()
    print(test.__name__, "is good")
