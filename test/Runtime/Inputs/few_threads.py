"""Fewer and fewer threads allowed to a user (ulimit -u): every run ends with one line that says what was needed, and
saves nothing, or trains. FOLDER holds a plan and its data. As root it becomes nobody, since root has no such limit."""

import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile

source = pathlib.Path(sys.argv[1])
root = os.geteuid() == 0


def attempt(folder, limit):
    def limited():
        resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))

    command = [folder / "bitpipe-run", folder / "plan.mlir", f"--data={folder / 'data.safetensors'}", "--steps=2", f"--save={folder / 'saved'}"]
    nobody = {"user": 65534, "group": 65534, "extra_groups": []} if root else {}
    return subprocess.run(command, capture_output=True, text=True, preexec_fn=limited, cwd="/", **nobody)


with tempfile.TemporaryDirectory(dir="/tmp") as name:  # that of the tests is for root alone
    folder = pathlib.Path(name)
    shutil.copy(shutil.which("bitpipe-run"), folder)
    for file in ("plan.mlir", "weights.safetensors", "kernels.so", "data.safetensors"):
        shutil.copy(source / file, folder)
    if root:
        for path in (folder, *folder.iterdir()):
            os.chown(path, 65534, 65534)
    refused = 0
    for limit in range(1, 8 if root else 2):
        done = attempt(folder, limit)
        if done.returncode == 0:
            assert (folder / "saved").exists(), limit
            (folder / "saved").unlink()
            continue
        refused += 1
        assert done.returncode == 1 and done.stderr.count("\n") == 1, (limit, done)
        assert "error: cannot start a thread" in done.stderr and "ulimit -u" in done.stderr, done.stderr
        assert not (folder / "saved").exists(), limit
    assert refused, "no limit was too small"
    print(f"refused with {'some limits' if root else 'the smallest limit'}")
