"""Trains with updates between micro-batches, and compares with their definition on one device.

    stale.py FOLDER MODELS NAME [--cases pipedream:16:1,...] [--processes 2,4] [--steps 3] [--optimizers adamw,sgd]
        [--stage-replicas 2,1,1|auto] [--data-parallel 2] [--tolerance 1e-3] [--apart 20] [bitpipe-opt options]

MODELS is test/models, NAME a folder in it. A case is a schedule, its micro-batches per step and the micro-batches
between updates. Against each stands PyTorch in float64: it keeps every version of every parameter that there has been,
runs one micro-batch after the other through the whole model, each stage with the version that the papers give it, and
steps the optimizer with the gradients of all micro-batches of a group and all places that use the parameter. Of the plan
it knows which parameters are on which device, and nothing else:

pipedream           a device has w micro-batches under way: the devices from its stage on by those of the stage, rounded
                    up, with a + b - 2 gcd(a, b) more before stages that have a and b. So its k-th forward finds k-w+1 backwards done, and the updates of as many whole groups (Harlap et
                    al., 2018, 3.2 and 3.3); all of a group read what its first one finds
pipedream-vertical  all stages read what the first one has read
pipedream-2bw       W(t+1) = W(t) - v grad(W(t-1)) for the t-th group (Narayanan et al., 2020, 3.1)

A parameter that two stages share has one history, and each stage reads its own version of it.

What is trained differs from that by less than the tolerance of all that training has moved, losses and norms by less
than it, too, and what other versions would have trained by at least so many times more, or gradients of one of several
devices or stages alone. Processes save the bits of threads."""
import argparse
import functools
import importlib.util
import json
import math
import pathlib
import re
import subprocess
import sys

import torch
from safetensors.torch import load_file

from saved_parameters import saved

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("models", type=pathlib.Path)
parser.add_argument("name")
parser.add_argument("--cases", default="pipedream:12:1,pipedream-vertical:12:1,pipedream-2bw:16:4,pipedream-2bw:24:6")
parser.add_argument("--devices", type=int, default=4)
parser.add_argument("--stage-replicas", default="")
parser.add_argument("--data-parallel", type=int, default=1)
parser.add_argument("--processes", default="2,4")
parser.add_argument("--steps", type=int, default=2)
parser.add_argument("--optimizers", default="adamw,sgd")
parser.add_argument("--tolerance", type=float, default=1e-3)
parser.add_argument("--apart", type=float, default=20)
arguments, options = parser.parse_known_args()
arguments.folder.mkdir(parents=True, exist_ok=True)
MODEL = arguments.models / arguments.name
torch.set_num_threads(1)
PIPELINE = arguments.devices // arguments.data_parallel  # devices of one
SHARED = [f"--stage-replicas={arguments.stage_replicas}"] * bool(arguments.stage_replicas) + [
    f"--data-parallel={arguments.data_parallel}"]
RATES = {"adamw": 1e-3, "sgd": 0.2}
DECAY, BETA1, BETA2, EPS = 0.01, 0.9, 0.999, 1e-8


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600)
    if done.returncode:
        sys.exit(f"{command}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def replicas():
    """Devices of each stage; where the compiler chooses them, as it says for the first case."""
    counts = arguments.stage_replicas
    if counts == "auto":
        schedule, microbatches, every = arguments.cases.split(",")[0].split(":")
        text = run("bitpipe-opt", MODEL / "model.onnx", f"--pipeline={schedule}", f"--devices={arguments.devices}",
                   f"--microbatches={microbatches}", f"--update-every={every}", *SHARED, *options, "--emit=report")
        counts = re.search(r"--stage-replicas=auto takes ([\d,]+):", text)[1]
    return [int(count) for count in counts.split(",") if count] or [1] * PIPELINE


REPLICAS = replicas()
assert sum(REPLICAS) == PIPELINE, (REPLICAS, PIPELINE)


@functools.cache
def make():
    specification = importlib.util.spec_from_file_location("make", arguments.models / "make.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def stages(plan):
    """The stages of every trained parameter, ascending: those of the devices that have it."""
    of_device = [stage for stage, count in enumerate(REPLICAS) for _ in range(count)]
    result, device = {}, -1
    for line in plan.read_text().splitlines():
        if program := re.match(r" *pipe.program device (\d+)", line):
            device = int(program[1])
        if resident := re.match(r' *pipe.resident "([^"]+)".* trainable', line):
            result.setdefault(resident[1], set()).add(of_device[device % PIPELINE])
    return {name: sorted(found) for name, found in result.items()}


NEWEST, MORE = "no version but the newest", "one version more"
ALONE, UNTIED = "gradients of one device of each stage", "gradients of one stage of those that share"


def version(schedule, stage, group, every):
    """What stage reads for that group of micro-batches, by the papers; or another one, beside the schedule's name."""
    schedule, _, other = schedule.partition("/")
    if other == NEWEST:
        return group
    read = group - 1
    if schedule != "pipedream-2bw":
        stage = 0 if schedule == "pipedream-vertical" else stage
        own = every // arguments.data_parallel // REPLICAS[stage]  # of a group, on each device
        waiting = sum(a + b - 2 * math.gcd(a, b) for a, b in zip(REPLICAS[stage:], REPLICAS[stage + 1:]))
        under_way = math.ceil((sum(REPLICAS[stage:]) + waiting) / REPLICAS[stage])
        read = (group * own - under_way + 1) // own
    return max(0, read - (other == MORE))


def on_first(stage, microbatch):
    """Whether the first of the devices of a stage runs a micro-batch, which they take in turn."""
    return microbatch % arguments.data_parallel == 0 and microbatch // arguments.data_parallel % REPLICAS[stage] == 0


class Reference:
    """Steps of `every` micro-batches each, over the data in its order."""

    def __init__(self, optimizer, stage):
        tests = make()
        factory, _, self.inputs, _ = tests.MODELS[arguments.name]
        self.module = tests.build(factory).double()
        self.data, self.size = load_file(MODEL / "data.safetensors"), tests.MICRO
        self.optimizer, self.updates = optimizer, 0
        # A plan may call a parameter by another of its names than the module does.
        self.weights = {name: value.detach().clone()
                        for name, value in self.module.named_parameters(remove_duplicate=False) if name in stage}
        assert set(self.weights) == set(stage), set(self.weights) ^ set(stage)
        self.uses = self.find_uses(stage)
        self.moments = {name: [torch.zeros_like(value)] * 2 for name, value in self.weights.items()}
        self.taken = 0

    def find_uses(self, stage):
        """By the name of each place that uses a parameter: that parameter's, and the place's stage. Places of one parameter
        are in stages in the order of the module."""
        names = {}
        for name, value in self.module.named_parameters(remove_duplicate=False):
            names.setdefault(id(value), []).append(name)
        uses = {}
        for name, value in self.module.named_parameters(remove_duplicate=False):
            if name in stage:
                places = names[id(value)]
                assert len(stage[name]) in (1, len(places)), (name, places, stage[name])
                uses |= {place: (name, stage[name][min(i, len(stage[name]) - 1)]) for i, place in enumerate(places)}
        return uses

    def loss(self, weights):
        """The sum of losses of the next micro-batch, and how many labels it has."""
        samples = len(self.data["labels"])
        part = slice(self.taken * self.size % samples, self.taken * self.size % samples + self.size)
        self.taken += 1
        labels = self.data["labels"][part].reshape(-1)
        logits = torch.func.functional_call(self.module, weights, kwargs={
            name: self.data[name][part] for name in self.inputs}, tie_weights=False).logits
        logits = logits.reshape(-1, logits.shape[-1])
        sum = torch.nn.functional.cross_entropy(logits, labels, ignore_index=-100, reduction="sum")
        return sum, int((labels != -100).sum())

    def step(self, name, newest, gradient):
        rate = RATES[self.optimizer]
        newest = newest * (1 - rate * DECAY)
        if self.optimizer == "sgd":
            return newest - rate * gradient
        m, v = self.moments[name]
        m, v = self.moments[name] = [BETA1 * m + (1 - BETA1) * gradient, BETA2 * v + (1 - BETA2) * gradient**2]
        m, v = m / (1 - BETA1**self.updates), v / (1 - BETA2**self.updates)
        return newest - rate * m / (v.sqrt() + EPS)

    def gradients(self, schedule, group, every, read):
        """The sums over a group of micro-batches of losses, labels and gradients, these by parameter."""
        losses = labels = 0
        sums = {name: torch.zeros_like(value) for name, value in self.weights.items()}
        other = schedule.partition("/")[2]
        for microbatch in range(group * every, (group + 1) * every):
            loss, count = self.loss(read)
            losses, labels = losses + float(loss), labels + count
            for (name, stage), gradient in zip(self.uses.values(), torch.autograd.grad(loss, list(read.values())), strict=True):
                is_left_out = (other == ALONE and not on_first(stage, microbatch)) or (
                    other == UNTIED and stage > min(at for owner, at in self.uses.values() if owner == name))
                sums[name] += 0 if is_left_out else gradient
        return losses, labels, sums

    def window(self, schedule, microbatches, every):
        """A step of the plan, from one version to one. Its loss and norm."""
        versions = {name: [value] for name, value in self.weights.items()}
        losses = labels = squares = 0
        for group in range(microbatches // every):
            read = {place: versions[name][version(schedule, stage, group, every)].clone().requires_grad_()
                    for place, (name, stage) in self.uses.items()}
            total, counted, sums = self.gradients(schedule, group, every, read)
            losses, labels = losses + total, labels + counted
            gradients = {name: value / counted for name, value in sums.items()}
            squares += float(sum_of_squares(gradients.values()))
            self.updates += 1
            for name, value in versions.items():
                value.append(self.step(name, value[-1], gradients[name]).detach())
        self.weights = {name: value[-1] for name, value in versions.items()}
        return losses / labels, math.sqrt(squares / (microbatches // every))


def sum_of_squares(tensors):
    return sum(tensor.double().pow(2).sum() for tensor in tensors)


def distance(one, other):
    return float(sum_of_squares([one[name] - other[name] for name in other]).sqrt())


def reference(optimizer, stage, schedule, microbatches, every):
    training = Reference(optimizer, stage)
    start = training.weights
    lines = [training.window(schedule, microbatches, every) for _ in range(arguments.steps)]
    return start, training.weights, lines


def check(schedule, microbatches, every, optimizer):
    plan = arguments.folder / f"{schedule}-{microbatches}-{every}-{optimizer}.mlir"
    metrics, target = plan.with_suffix(".jsonl"), arguments.folder / "saved.safetensors"
    run("bitpipe-opt", MODEL / "model.onnx", f"--pipeline={schedule}", f"--devices={arguments.devices}",
        f"--microbatches={microbatches}", f"--update-every={every}", f"--optimizer={optimizer}", *SHARED, *options, "--force", "-o", plan)
    flags = [f"--lr={RATES[optimizer]}", f"--weight-decay={DECAY}", "--force"]
    bits = saved(plan, MODEL, target, *flags, f"--metrics={metrics}", "--poison", steps=arguments.steps)
    trained = load_file(target)
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]

    stage = stages(plan)
    start, expected, numbers = reference(optimizer, stage, schedule, microbatches, every)
    moved = distance(start, expected)
    error = distance(trained, expected) / moved
    wrong = [NEWEST, MORE] + [ALONE] * (max(REPLICAS) * arguments.data_parallel > 1) + [UNTIED] * any(
        len(found) > 1 for found in stage.values())
    others = {other: distance(reference(optimizer, stage, f"{schedule}/{other}", microbatches, every)[1], expected) / moved
              for other in wrong}
    nearest = min(others.values())
    what = f"{schedule}, {microbatches} micro-batches, updates after {every}, {optimizer}"
    print(f"{what}: parameters off by {error:.1e} of their way; " + ", ".join(f"{other} by {by:.1e}" for other, by in others.items()))
    assert error < arguments.tolerance, f"{what}: expected less than {arguments.tolerance}"
    assert nearest > arguments.apart * error, f"{what}: wrong ones train nearly the same: {others}"
    for line, (loss, norm) in zip(lines, numbers, strict=True):
        assert abs(line["loss"] - loss) < arguments.tolerance * loss, (what, line, loss)
        assert abs(line["grad_norm"] - norm) < arguments.tolerance * norm, (what, line, norm)
    for count in filter(None, arguments.processes.split(",")):
        other = saved(plan, MODEL, target, *flags, processes=count, steps=arguments.steps)
        assert other == bits, f"{what}: {count} processes save other bits than threads"


runs = 0
for case in arguments.cases.split(","):
    schedule, microbatches, every = case.split(":")
    for optimizer in arguments.optimizers.split(","):
        check(schedule, int(microbatches), int(every), optimizer)
        runs += 1
print(f"{runs} trainings as defined")
