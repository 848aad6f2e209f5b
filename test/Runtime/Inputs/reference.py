"""Trains the toy of toy.py with PyTorch and compares with a run's metrics and
saved parameters.

    reference.py FOLDER METRICS SAVED STEPS [--microbatches N] [options of bitpipe-run]
"""

import argparse
import json
import pathlib
import sys

import torch
from safetensors.torch import load_file

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from toy import SAMPLES

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("metrics")
parser.add_argument("saved")
parser.add_argument("steps", type=int)
parser.add_argument("--microbatches", type=int, default=4)
parser.add_argument("--optimizer", default="adamw")
parser.add_argument("--lr", type=float, default=1e-3)
parser.add_argument("--weight-decay", type=float, default=0.01)
parser.add_argument("--clip", type=float, default=0)
parser.add_argument("--weight-decay-for", default="all")
parser.add_argument("--lr-schedule", default="constant")
parser.add_argument("--lr-min", type=float, default=0)
parser.add_argument("--lr-decay-steps", type=int)
parser.add_argument("--warmup", type=int, default=0)
options = parser.parse_args()

data = load_file(options.folder / "data.safetensors")
weights = {k: v.double().requires_grad_() for k, v in load_file(options.folder / "weights.safetensors").items()}
decays = lambda weight: options.weight_decay_for == "all" or weight.dim() >= 2
groups = [{"params": [w for w in weights.values() if decays(w)], "weight_decay": options.weight_decay},
          {"params": [w for w in weights.values() if not decays(w)], "weight_decay": 0}]
optimizer = {"adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}[options.optimizer](groups, lr=options.lr)


def falling(steps):
    if options.lr_schedule == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, options.lr_min)
    end = 1 if options.lr_schedule == "constant" else options.lr_min / options.lr
    return torch.optim.lr_scheduler.LinearLR(optimizer, 1, end, steps)


def scheduler():
    warmup, left = options.warmup, options.steps - options.warmup
    steps = options.lr_decay_steps or left
    parts = []
    if warmup:
        parts.append(torch.optim.lr_scheduler.LinearLR(optimizer, 1 / warmup, 1, warmup - 1))
    if steps < left:
        parts.append(torch.optim.lr_scheduler.ConstantLR(optimizer, 1))
    ends = [warmup] * (warmup > 0) + [options.steps - steps] * (steps < left)
    return torch.optim.lr_scheduler.SequentialLR(optimizer, [*parts, falling(steps)], ends)


rates = scheduler()


def close(got, expected, what):
    error = abs(got - expected) / max(abs(expected), 1e-12)
    assert error < 2e-6, f"{what}: {got}, expected {expected}"


lines = [json.loads(line) for line in open(options.metrics)]
assert len(lines) == options.steps, len(lines)
count, batch = len(data["labels"]), SAMPLES * options.microbatches
for step, line in enumerate(lines):
    rows = torch.arange(step * batch, (step + 1) * batch) % count
    hidden = data["x"][rows].double() @ weights["first"]
    logits = hidden @ weights["second"] + weights["bias"]
    loss = torch.nn.functional.cross_entropy(logits, data["labels"][rows])
    optimizer.zero_grad()
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(weights.values(), options.clip or float("inf"))
    rate = optimizer.param_groups[0]["lr"]
    optimizer.step()
    rates.step()
    close(line["loss"], loss.item(), f"loss of step {step}")
    close(line["grad_norm"], norm.item(), f"gradient norm of step {step}")
    close(line["lr"], rate, f"learning rate of step {step}")
saved = load_file(options.saved)
assert sorted(saved) == sorted(weights), sorted(saved)
for name, value in weights.items():
    error = (saved[name] - value).abs().max().item()
    assert error < 1e-6, f"{name} differs by {error}"
print("equal")
