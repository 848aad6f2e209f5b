"""Changes the data file of a run after its first step: PLAN INPUT FOLDER. Each
run must end with exit code 1 and one line, and save what it has."""

import os
import pathlib
import subprocess
import sys

import numpy
from safetensors.numpy import save_file

plan, name, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
folder.mkdir(parents=True, exist_ok=True)
tokens = numpy.random.default_rng(0).integers(0, 256, 40 * 128 + 1)
ids, labels = (tokens[i:40 * 128 + i].reshape(40, 128) for i in (0, 1))


def run(title, file, change):
    path, weights = folder / file, folder / "w.safetensors"
    weights.unlink(missing_ok=True)
    if file.endswith(".safetensors"):
        save_file({name: ids, "labels": labels}, path)
    else:
        path.write_bytes(tokens.astype("<u2").tobytes())
    process = subprocess.Popen(["bitpipe-run", plan, f"--data={path}", "--steps=1000000", f"--save={weights}"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.readline()  # of the first step
    change(path)
    error = process.communicate()[1].strip()
    print(f"{title}: exit {process.returncode}, {'saved' if weights.exists() else 'lost'}: {error}")


def rewrite(path):
    path.write_bytes(b"\xff" * path.stat().st_size)


run("truncated tensors", "a.safetensors", lambda path: os.truncate(path, 5000))
run("truncated tokens", "a.bin", lambda path: os.truncate(path, 100))
run("emptied", "b.bin", lambda path: os.truncate(path, 0))
run("rewritten tensors", "b.safetensors", rewrite)
run("rewritten tokens", "c.bin", rewrite)
run("longer", "d.bin", lambda path: path.open("ab").write(b"12"))
