"""Trains a model with --precision=bf16 and compares it with f32, with PyTorch and with itself.

    python bf16.py MODELS NAME [--rename OLD=NEW] [--steps 12] [--schedules] [--tolerance 0.01]

MODELS is test/models, NAME a folder in it. Compared are:

gradients  of every parameter with PyTorch in float64. The error, as a norm, may be 1.5 times that of PyTorch's
           autocast(bf16) on the CPU, on the same weights and data. Both are means over all batches of the data: a vector
           of 32 numbers is off by more or less as it comes.
losses     with those of the same plan in f32: within 1%, or the tolerance, at each of the first 24 steps, and in the mean of any 48 in a
           row. (Where a model has learnt the few samples by heart its loss is small, and in a single step differs by more,
           as autocast's does.)
schedules  (if asked for) of four stages: the loss of the first step is one number, bit for bit; those that send all micro-batches one way
           have it at every step.
memory     what is sent is half of what it is in f32, and so is nearly all that is saved.
"""
import argparse
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file

FACTOR = 1.5  # of autocast's own error
FIRST, WINDOW = 24, 48  # steps that are compared one by one, and so many as their mean


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(command)}\nexit {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout + result.stderr


class Model:
    """A model of test/models, and where plans of it are made."""

    def __init__(self, models, name, rename, scratch):
        specification = importlib.util.spec_from_file_location("make", os.path.join(models, "make.py"))
        self.make = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(self.make)
        self.name, self.scratch, self.rename = name, scratch, rename
        self.onnx = os.path.join(models, name, "model.onnx")
        self.data = os.path.join(models, name, "data.safetensors")
        self.batches = self.split()
        self.factory, _, self.inputs, _ = self.make.MODELS[name]

    def split(self):
        """Files with the samples of a step each."""
        data, size = load_file(self.data), self.make.BATCH
        paths = []
        for begin in range(0, len(data["labels"]), size):
            paths.append(os.path.join(self.scratch, f"{self.name}-{begin}.safetensors"))
            save_file({name: value[begin:begin + size].contiguous() for name, value in data.items()}, paths[-1])
        return paths

    def compile(self, precision, *options):
        """The plan, and what the compiler says of its memory."""
        plan = os.path.join(self.scratch, "-".join([self.name, precision, *options]).replace("--", "") + ".mlir")
        text = run("bitpipe-opt", self.onnx, f"--precision={precision}", "--microbatches=8", *options, "--force", "-o", plan)
        return plan, text

    def train(self, plan, steps, *options, data=None):
        """The lines of the metrics, and the parameters after the last step."""
        metrics, saved = plan + ".jsonl", plan + ".safetensors"
        run("bitpipe-run", plan, f"--data={data or self.data}", f"--steps={steps}", f"--metrics={metrics}", f"--save={saved}",
            "--force", *options)
        with open(metrics) as file:
            return [json.loads(line) for line in file], load_file(saved)

    def module(self, parameters):
        """The PyTorch module with these parameters."""
        module = self.make.build(self.factory)
        stored = {self.rename.get(name, name): value for name, value in parameters.items()}
        with torch.no_grad():
            for name, parameter in module.named_parameters():
                parameter.copy_(stored[name])
        return module

    def gradients(self, module, kind, data):
        """Of one step, by name: in float64, or as autocast has them."""
        batch = load_file(data)
        if kind == "float64":
            module = module.double()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=kind == "autocast"):
            logits = self.make.forward(module, batch, self.inputs)
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch["labels"].flatten(), ignore_index=-100)
        loss.backward()
        return {name: parameter.grad.double() for name, parameter in module.named_parameters()}


def compare_gradients(model, *options):
    """(name, our error, autocast's error, norm) of every parameter: roots of means over the batches."""
    plan, _ = model.compile("bf16", "--optimizer=sgd", *options)
    _, before = model.train(plan, 1, "--lr=0", "--weight-decay=0")
    squares = {}
    for data in model.batches:
        _, after = model.train(plan, 1, "--lr=1", "--weight-decay=0", data=data)
        exact = model.gradients(model.module(before), "float64", data)
        autocast = model.gradients(model.module(before), "autocast", data)
        ours = {model.rename.get(name, name): before[name].double() - after[name].double() for name in before}
        for name, want in exact.items():
            terms = torch.stack([(ours[name] - want).square().sum(), (autocast[name] - want).square().sum(), want.square().sum()])
            squares[name] = squares.get(name, 0) + terms / len(model.batches)
    return [(name, *sums.sqrt().tolist()) for name, sums in squares.items()]


def compare_losses(model, steps, *options):
    """How much losses differ from those of f32, relatively: at most as they are compared, at most in any step, in the root
    of the mean square; and the last loss."""
    losses = {}
    for precision in "f32", "bf16":
        plan, _ = model.compile(precision, *options)
        lines, _ = model.train(plan, steps, "--clip=1.0")
        losses[precision] = torch.tensor([line["loss"] for line in lines], dtype=torch.float64)
    differ = lambda f32, bf16: ((bf16 - f32) / f32).abs()
    steps_differ = differ(losses["f32"], losses["bf16"])
    compared = steps_differ[:FIRST].max()
    if steps > WINDOW:
        mean = lambda values: values.unfold(0, WINDOW, 1).mean(-1)
        compared = max(compared, differ(mean(losses["f32"]), mean(losses["bf16"])).max())
    return compared.item(), steps_differ.max().item(), steps_differ.square().mean().sqrt().item(), losses["bf16"][-1].item()


ONE_WAY = [("gpipe", 4, 1), ("1f1b", 4, 1), ("zb-h1", 4, 1), ("interleaved", 2, 2), ("zb-v", 2, 2)]
TWO_WAYS = [("bitpipe", 2, 2), ("chimera", 4, 1)]


def schedule_losses(model, name, devices, chunks, steps):
    plan, _ = model.compile("bf16", f"--pipeline={name}", f"--devices={devices}", f"--chunks={chunks}")
    lines, _ = model.train(plan, steps)
    return [line["loss"] for line in lines]


def check_schedules(model, steps):
    want = None
    for name, devices, chunks in ONE_WAY + TWO_WAYS:
        got = schedule_losses(model, name, devices, chunks, steps)
        want = want or got
        count = steps if (name, devices, chunks) in ONE_WAY else 1
        if got[:count] != want[:count]:
            sys.exit(f"losses of {name}: got {got[:count]}, expected {want[:count]}, those of {ONE_WAY[0][0]}")


def memory(text):
    """Bytes of all devices together, by use, from the compiler's table."""
    lines = text[text.index("Memory per device"):].splitlines()
    names = lines[1].split()
    rows = [[float(number) for number in re.findall(r"[\d.]+", line)] for line in lines[2:] if re.match(r"\s+\d", line)]
    return {name: sum(row[i] for row in rows) for i, name in enumerate(names)}


def compare_memory(model, *options):
    """Slots of activations and messages in bytes, of f32 and of bf16."""
    sizes = {}
    for precision in "f32", "bf16":
        plan, _ = model.compile(precision, *options)
        with open(plan) as file:
            text = file.read()
        sent = sum(int(size) for size in re.findall(r'pipe.slot \d+ "message" size (\d+)', text))
        kept = sum(int(size) for size in re.findall(r'pipe.slot \d+ "arena" size (\d+) offset \d+ name "(?!scratch)', text))
        sizes[precision] = sent, kept
    return sizes


def check(model, steps, schedules, tolerance):
    errors = compare_gradients(model, "--pipeline=1f1b", "--devices=2")
    for name, ours, theirs, norm in errors:
        if not ours <= FACTOR * theirs:
            sys.exit(f"gradient of {name}: off by {ours:.3e}, autocast by {theirs:.3e}, of {norm:.3e}; expected at most "
                     f"{FACTOR} times as much")
    worst, _, _, _ = compare_losses(model, steps, "--pipeline=1f1b", "--devices=2")
    if not worst <= tolerance:
        sys.exit(f"losses differ from those of f32 by {worst:.2%}, expected at most {tolerance:.1%}")
    if schedules:
        check_schedules(model, 3)
    sizes = compare_memory(model, "--pipeline=1f1b", "--devices=2")
    sent, kept = (sizes["bf16"][i] / sizes["f32"][i] for i in range(2))
    # A statistic of each row stays f32, should a cut be in the middle of a normalisation.
    if not 0.5 <= sent < 0.55 or not kept < 0.55:
        sys.exit(f"messages take {sent:.2f} of what they do in f32 and activations {kept:.2f}, expected 0.5 to 0.55 and below 0.55")
    ratio = max(ours / theirs for _, ours, theirs, _ in errors)
    print(f"{model.name}: gradients at most {ratio:.2f} of autocast's error, losses within {worst:.2%}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("models")
    parser.add_argument("name")
    parser.add_argument("--rename", action="append", default=[])
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--schedules", action="store_true")
    parser.add_argument("--tolerance", type=float, default=0.01, help="of a loss, relatively")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        rename = dict(pair.split("=") for pair in arguments.rename)
        check(Model(arguments.models, arguments.name, rename, scratch), arguments.steps, arguments.schedules,
              arguments.tolerance)


if __name__ == "__main__":
    main()
