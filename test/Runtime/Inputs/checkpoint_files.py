"""Damages checkpoints of a toy plan, fills the disk, and puts other things beside them.

    checkpoint_files.py FOLDER      of a toy plan
"""

import json
import os
import pathlib
import shutil
import subprocess
import time

import numpy
from checkpoint_runs import (
    AT_ONCE, check_tidy, checkpoints, command, expect, fresh, keeping, kept, metrics, newest, result, run, saved,
    undisturbed)
from run import folder, steps_in
from safetensors.numpy import load_file, save_file


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
                               ('"cosine"', '"cosinus"', "expected constant, cosine, linear or wsd"),
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


for test in (test_other_model, test_other_data, test_damaged, test_keep, test_leftovers, test_full_disk, test_one_run_only,
             test_read_by_others):
    test()
    print(test.__name__, "is good")
