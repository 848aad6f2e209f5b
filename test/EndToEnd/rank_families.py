"""Every schedule by name on four devices: threads and 1, 2 and 4 processes save the same bits.

    rank_families.py FOLDER MODEL... [--steps=3] [--schedules=NAME,...] [--part=K/N] [bitpipe-opt options]
"""
import argparse
import pathlib
import subprocess

from saved_parameters import saved, schedules

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("models", type=pathlib.Path, nargs="+")
parser.add_argument("--steps", type=int, default=3)
parser.add_argument("--schedules", default="")
parser.add_argument("--part", default="1/1", help="of all schedules")
options, compiling = parser.parse_known_args()
options.folder.mkdir(parents=True, exist_ok=True)

runs = 0
for model in options.models:
    for schedule in options.schedules.split(",") if options.schedules else schedules(options.part):
        plan = options.folder / f"{schedule}.mlir"
        subprocess.run(["bitpipe-opt", model / "model.onnx", f"--pipeline={schedule}", "--devices=4", *compiling, "-o", plan],
                       check=True, capture_output=True)
        target = options.folder / "saved.safetensors"
        expected = saved(plan, model, target, steps=options.steps)
        for n in (1, 2, 4):
            got = saved(plan, model, target, processes=n, steps=options.steps)
            assert got == expected, f"{model.name}, {schedule}: {n} processes save other bits than threads"
            runs += 1
print(f"{runs} runs of processes, all with the bits of threads")
