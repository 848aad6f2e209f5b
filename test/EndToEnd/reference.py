"""Trains a model through the compiler and the runtime, and compares with a reference.

    python reference.py MODEL_FOLDER --pipeline=bitpipe --devices=1,2,4 [--rename OLD=NEW] [--threads 1,2,3]
        [bitpipe-opt options]

MODEL_FOLDER holds model.onnx, data.safetensors and reference.json (see test/models/README.md). For each
number of devices: loss within 1e-4 relative at every step, grad_norm within 1e-3, and the norm of every parameter
within 1e-4 after the last step. With numbers of threads, with each of them; a second run, on memory of NaNs, saves the
same bits.
"""
import argparse
import filecmp
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from safetensors.numpy import load_file


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(command)}\nexit {result.returncode}\n{result.stdout}{result.stderr}")


def compare(what, got, want, tolerance):
    if len(got) != len(want):
        sys.exit(f"{what}: got {len(got)} values, expected {len(want)}")
    worst = max(abs(g - w) / abs(w) for g, w in zip(got, want))
    if not worst <= tolerance:  # also catches NaN
        sys.exit(f"{what}: got {got}, expected {want}, worst relative error {worst:.2e}, allowed {tolerance:.0e}")
    return worst


def externalize(folder, scratch):
    """A copy of the model folder with all data, constants too, in model.data."""
    import onnx

    copy = os.path.join(scratch, "external")
    os.mkdir(copy)
    onnx.save(onnx.load(os.path.join(folder, "model.onnx")), os.path.join(copy, "model.onnx"),
              save_as_external_data=True, location="model.data", size_threshold=0)
    os.symlink(os.path.abspath(os.path.join(folder, "data.safetensors")), os.path.join(copy, "data.safetensors"))
    return copy


def check(folder, reference, options, rename, devices, scratch, threads):
    plan, metrics, saved = (os.path.join(scratch, f"d{devices}{end}")
                            for end in (".mlir", ".jsonl", "-trained.safetensors"))
    steps = len(reference["loss"])
    run("bitpipe-opt", os.path.join(folder, "model.onnx"), *options, f"--devices={devices}", "-o", plan)
    for count in threads:
        train = ["bitpipe-run", plan, f"--data={os.path.join(folder, 'data.safetensors')}", f"--steps={steps}",
                 "--clip=1.0"] + [f"--threads={count}"] * bool(count)
        run(*train, f"--metrics={metrics}", f"--save={saved}")
        if count:
            run(*train, "--poison", f"--save={saved}.again")
            if not filecmp.cmp(saved, f"{saved}.again", shallow=False):
                sys.exit(f"{count} threads save other bits in a second run, with --poison")
        what = f"{' '.join(options)} devices {devices}" + f" threads {count}" * bool(count)
        compare_run(reference, rename, metrics, saved, what)


def compare_run(reference, rename, metrics, saved, what):
    with open(metrics) as file:
        lines = [json.loads(line) for line in file]
    loss = compare("loss", [line["loss"] for line in lines], reference["loss"], 1e-4)
    grad = compare("grad_norm", [line["grad_norm"] for line in lines], reference["grad_norm"], 1e-3)
    tensors = {rename.get(name, name): value for name, value in load_file(saved).items()}
    missing = set(reference["parameter_norm"]) - set(tensors)
    if missing:
        sys.exit(f"parameters not saved: {sorted(missing)}; saved: {sorted(tensors)}")
    worst = 0.0
    for name, want in reference["parameter_norm"].items():
        got = float(np.linalg.norm(tensors[name].astype(np.float64)))
        worst = max(worst, compare(f"norm of {name}", [got], [want], 1e-4))
    print(f"{what}: loss {loss:.1e}, grad_norm {grad:.1e}, parameters {worst:.1e}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--devices", default="4")
    parser.add_argument("--threads", default="")
    parser.add_argument("--external", action="store_true", help="put every tensor of the model into a file beside it")
    parser.add_argument("--rename", action="append", default=[])
    arguments, options = parser.parse_known_args()
    with open(os.path.join(arguments.folder, "reference.json")) as file:
        reference = json.load(file)
    rename = dict(pair.split("=") for pair in arguments.rename)
    if not any(option.startswith("--microbatches") for option in options):
        options.append("--microbatches=8")
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.external:
            arguments.folder = externalize(arguments.folder, scratch)
        for devices in arguments.devices.split(","):
            check(arguments.folder, reference, options, rename, int(devices), scratch, arguments.threads.split(","))


if __name__ == "__main__":
    main()
