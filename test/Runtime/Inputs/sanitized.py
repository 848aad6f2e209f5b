"""Trains small plans with bitpipe-run from another build, with random delays between all actions.

    sanitized.py FOLDER_OF_TOOLS [--delays=N] [--seed=S]

Every run must end well and save the very bits that build/bin's bitpipe-run saves without delays: whatever order the
threads meet in, there is one result.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILT = ROOT / "build" / "bin"
TOYS = [["--routes", "0,1:0,1,2,3"], ["--routes", "0,1:0,2", "1,0:1,3"],
        ["--routes", "0,1:0,2", "1,0:1,3", "--optimizer", "sgd", "--copy"], ["--routes", "0,1:0,2", "1,0:1,3", "--shard"]]
COMPILED = [("gpt2", ["--pipeline=bitpipe", "--devices=4"]), ("gpt2", ["--pipeline=bitpipe", "--devices=4", "--shard=optimizer"]),
            ("gpt2", ["--pipeline=zb-v", "--devices=2"]), ("gpt2", ["--pipeline=bpipe", "--devices=4"]),
            ("gpt2", ["--pipeline=1f1b", "--devices=4", "--offload=3"]),
            ("gpt2", ["--pipeline=bitpipe", "--devices=4", "--shard=parameters", "--precision=bf16"]),
            ("llama", ["--pipeline=pipedream", "--devices=2"]),
            ("llama", ["--pipeline=bitpipe-zb", "--devices=2"]), ("bert", ["--pipeline=chimera", "--devices=4"])]


def plans(folder):
    """Makes the plans; yields name, plan, data, and how it is run."""
    for i, options in enumerate(TOYS):
        toy = folder / f"toy{i}"
        subprocess.run([sys.executable, ROOT / "test/Runtime/Inputs/toy.py", toy, *options], check=True)
        yield f"toy {' '.join(options)}", toy / "plan.mlir", toy / "data.safetensors", ["--clip=1"]
    for i, (model, options) in enumerate(COMPILED):
        plan = folder / f"compiled{i}.mlir"
        models = ROOT / "test" / "models" / model
        subprocess.run([BUILT / "bitpipe-opt", models / "model.onnx", *options, "--microbatches=8", "-o", plan],
                       check=True, capture_output=True)
        # The norm of all gradients is known where a step ends with its update.
        clips = not options[0].startswith("--pipeline=pipedream")
        yield f"{model} {' '.join(options)}", plan, models / "data.safetensors", ["--clip=1"] if clips else []


def train(tools, plan, data, running, saved, seed=None):
    environment = {**os.environ} if seed is None else {**os.environ, "BITPIPE_DELAY_SEED": str(seed)}
    kept = saved.parent / "kept"
    shutil.rmtree(kept, ignore_errors=True)
    done = subprocess.run([tools / "bitpipe-run", plan, f"--data={data}", "--steps=4", *running, "--threads=2",
                           f"--save={saved}",
                           f"--checkpoint={kept}", "--checkpoint-every=2"], env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{plan} with delays from {seed}: exit {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-6000:]}")
    return saved.read_bytes()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tools", type=pathlib.Path)
    parser.add_argument("--delays", type=int, default=20, help="seeds of delays per plan (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="the first (%(default)s)")
    options = parser.parse_args()
    begin, runs = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        for name, plan, data, running in plans(folder):
            expected = train(BUILT, plan, data, running, folder / "expected.safetensors")
            for seed in range(options.seed, options.seed + options.delays):
                runs += 1
                if train(options.tools.resolve(), plan, data, running, folder / "got.safetensors", seed) != expected:
                    sys.exit(f"{name}: delays from {seed} change the result")
    print(f"{runs} runs with delays from seed {options.seed} on, the same bits each, {time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    main()
