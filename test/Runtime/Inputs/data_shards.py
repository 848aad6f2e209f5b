"""Trains on several files as on one, and on some that do not fit together: PLAN FOLDER."""

import json
import pathlib
import subprocess
import sys

import numpy
from safetensors.numpy import save_file

plan, folder = sys.argv[1], pathlib.Path(sys.argv[2])
LENGTH = 128
tokens = numpy.random.default_rng(0).integers(0, 256, 9 * LENGTH + 1)
metrics = folder / "metrics.jsonl"


def run(data, *options, code=0, launcher=()):
    done = subprocess.run([*launcher, "bitpipe-run", plan, f"--data={data}", "--steps=3", f"--metrics={metrics}", *options],
                          capture_output=True, text=True)
    assert done.returncode == code, (data, options, done)
    if code:
        assert done.stderr.count("\n") == 1, done
        return done.stderr.strip().replace(f"{folder}/", "")
    return [json.loads(line).get("loss") for line in metrics.open()], done.stdout


def path(*names):
    where = folder.joinpath(*names)
    where.parent.mkdir(parents=True, exist_ok=True)
    return where


def cut(first, end):
    """The tokens of some of the sequences: the last one of a file ends with the first token of the next."""
    return tokens[first * LENGTH:end * LENGTH + 1]


def header(count):
    return numpy.array([20240520, 1, count] + [0] * 253, "<i4").tobytes()


path("one.bin").write_bytes(tokens.astype("<u2").tobytes())
ends = [0, 1, 5, 9]
name = json.loads("[" + open(plan).read().split("inputs = [")[1].split("]")[0] + "]")[0]
for i, (first, end) in enumerate(zip(ends, ends[1:])):
    part = cut(first, end)
    path("bin", f"train_{i:06}.bin").write_bytes(header(len(part)) + part.astype("<u2").tobytes())
    path("txt", f"{i}.txt").write_bytes(part.astype(numpy.uint8).tobytes())
    ids, labels = (part[shift:][:(end - first) * LENGTH].reshape(-1, LENGTH) for shift in (0, 1))
    save_file({name: ids, "labels": labels}, path("tensors", f"{i}.safetensors"))
path("bin", "README").write_text("is no data")
for options in ([], ["--shuffle", "--seed=3"]):
    expected, _ = run(folder / "one.bin", *options)
    for data in ("bin", "bin/train_*.bin", "bin/train_00000[0-2].bin", "txt", "tensors/?.safetensors"):
        losses, said = run(folder / data, *options)
        assert losses == expected and "data: 9 samples in 3 files, from " in said, (data, losses, expected, said)
losses, _ = run(folder / "bin", "--shuffle", "--seed=3", launcher=["mpirun", "-n", "1"])
assert losses == expected
_, whole = run(folder / "one.bin", f"--eval-data={folder / 'one.bin'}")
_, parts = run(folder / "one.bin", f"--eval-data={folder / 'txt'}")
assert [line.split("  ")[1] for line in whole.splitlines() if "evaluation loss" in line] == \
    [line.split("  ")[1] for line in parts.splitlines() if "evaluation loss" in line] != [], (whole, parts)
print("several files train as one")

kept = f"--checkpoint={folder / 'kept'}"
run(folder / "bin", kept)
path("bin", "train_000003.bin").write_bytes(header(200) + bytes(400))
print("another file:", run(folder / "bin", kept, "--resume", code=1).split(", hash")[0])
print("is read:", run(folder / "bin", f"--save={folder / 'bin/train_000001.bin'}", code=2))
print("would be read:", run(folder / "bin", f"--save={folder / 'bin/new.safetensors'}", code=2))
print("would fit:", run(folder / "bin/train_*", f"--save={folder / 'bin/train_1.safetensors'}", code=2))
path("bin", "train_000003.bin").write_bytes(numpy.full(200, 300, "<u2").tobytes())
print("out of range:", run(folder / "bin", "--shuffle", code=1))
path("bin", "train_000003.bin").write_bytes(header(100) + bytes(200))
print("nothing in it:", run(folder / "bin", code=1))
path("bin", "train_000003.txt").write_bytes(bytes(200))
print("two kinds:", run(folder / "bin", code=1))
print("nothing fits:", run(folder / "bin/val_*.bin", code=1))
path("none", "README").write_text("is no data")
print("no data:", run(folder / "none", code=1))
