"""A checkpoint of f32 goes on in bf16, with slices of the parameters, and one of bf16 in f32: masters are the same and
whole, and a line says what has changed.

    bf16-resume.py MODEL_FOLDER
"""

import json
import os
import subprocess
import sys
import tempfile

from safetensors import safe_open

folder = sys.argv[1]


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(command)}\nexit {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def types(path):
    with safe_open(path, "np") as file:
        return {file.get_slice(name).get_dtype() for name in file.keys()}


with tempfile.TemporaryDirectory() as scratch:
    plans = {precision: os.path.join(scratch, precision + ".mlir") for precision in ("f32", "bf16")}
    for precision, plan in plans.items():
        slices = ["--data-parallel=2", "--shard=parameters"] if precision == "bf16" else []
        run("bitpipe-opt", f"{folder}/model.onnx", f"--precision={precision}", "--pipeline=1f1b", "--devices=2", *slices, "-o", plan)
    for first, second in ("f32", "bf16"), ("bf16", "f32"):
        kept, saved = (os.path.join(scratch, first + end) for end in ("-checkpoints", ".safetensors"))
        metrics = os.path.join(scratch, first + ".jsonl")
        common = [f"--data={folder}/data.safetensors", "--steps=6", f"--checkpoint={kept}", f"--metrics={metrics}"]
        run("bitpipe-run", plans[first], *common, "--checkpoint-every=3", "--keep=9")
        newest = max((name for name in os.listdir(kept) if name.startswith("step")), key=lambda name: int(name.split("-")[-1]))
        files = [os.path.join(kept, newest, name) for name in os.listdir(os.path.join(kept, newest)) if name.endswith(".safetensors")]
        assert files and all(types(file) == {"F32"} for file in files), files
        out = run("bitpipe-run", plans[second], *[option.replace("--steps=6", "--steps=8") for option in common], "--resume",
                  f"--save={saved}")
        assert f"precision {second} (was {first})" in out, out
        assert types(saved) == {"F32"}, types(saved)
        with open(metrics) as file:
            lines = [json.loads(line) for line in file]
        assert [line.get("precision", "f32") for line in lines] == [first] * 6 + [second] * 2, lines
        # It goes on from where it was: losses do not jump.
        assert abs(lines[6]["loss"] - lines[5]["loss"]) < 0.5, lines
