"""Every schedule by name on four devices: threads and 1, 2 and 4 processes save the same bits.

    rank_families.py FOLDER MODEL... [--steps=3] [--schedules=NAME,...] [bitpipe-opt options]
"""
import argparse
import hashlib
import pathlib
import re
import subprocess

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("models", type=pathlib.Path, nargs="+")
parser.add_argument("--steps", type=int, default=3)
parser.add_argument("--schedules", default="")
options, compiling = parser.parse_known_args()
options.folder.mkdir(parents=True, exist_ok=True)


def schedules():
    listed = subprocess.run(["bitpipe-opt", "--pipeline=?", "--emit=report"], capture_output=True, text=True).stderr
    return re.search("expected one of (.*)", listed)[1].split(", ")


def saved(prefix, plan, model):
    target = options.folder / "saved.safetensors"
    target.unlink(missing_ok=True)
    done = subprocess.run([*prefix, "bitpipe-run", plan, "--threads=1", f"--data={model / 'data.safetensors'}", f"--steps={options.steps}",
                           f"--save={target}"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (prefix, plan, done.stderr)
    return hashlib.sha256(target.read_bytes()).hexdigest()


runs = 0
for model in options.models:
    for schedule in options.schedules.split(",") if options.schedules else schedules():
        plan = options.folder / f"{schedule}.mlir"
        subprocess.run(["bitpipe-opt", model / "model.onnx", f"--pipeline={schedule}", "--devices=4", *compiling, "-o", plan],
                       check=True, capture_output=True)
        expected = saved([], plan, model)
        for n in (1, 2, 4):
            got = saved(["mpirun", "-n", str(n)], plan, model)
            assert got == expected, f"{model.name}, {schedule}: {n} processes save other bits than threads"
            runs += 1
print(f"{runs} runs of processes, all with the bits of threads")
