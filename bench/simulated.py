"""Runs bitpipe-opt on models and machines that need not be there.

What a model costs is counted by the compiler (`--emit=costs`): operations and bytes of every
stage. A machine makes times of them. Nothing is trained, and nothing is measured but how long
the compiler takes."""

import copy
import dataclasses
import functools
import json
import pathlib
import re
import shutil
import tempfile

import process
import sparse_models

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMPILER, RUNNER = (shutil.which(tool) or ROOT / "build/bin" / tool for tool in ("bitpipe-opt", "bitpipe-run"))
SCRATCH = tempfile.TemporaryDirectory()
FOLDER = pathlib.Path(SCRATCH.name)


@dataclasses.dataclass(frozen=True)
class Machine:
    """Rates are in operations and bytes per second, of links in one direction."""
    name: str
    operations: float  # of products in 16 bits
    efficiency: float  # the share of them that training reaches
    memory: float
    memory_rate: float
    node: int  # devices in a node
    within: float  # the link of a device to others of its node
    between: float  # and to those of other nodes
    link_efficiency: float
    latency: tuple  # within a node, between nodes

    def rate(self, within):
        return (self.within if within else self.between) * self.link_efficiency


@dataclasses.dataclass(frozen=True)
class Model:
    """A function of sparse_models.py and what it takes, or a small model of test/models."""
    name: str
    kind: str = ""
    sizes: tuple = ()


class Failed(RuntimeError):
    """What bitpipe-opt says of something that cannot be."""


def compiler(*arguments):
    try:
        return process.run([COMPILER, *arguments])
    except RuntimeError as error:
        lines = [line for line in str(error).splitlines() if "error:" in line]
        raise Failed(lines[-1].split("error: ", 1)[1] if lines else str(error)) from None


@functools.cache
def file_of(model):
    if not model.kind:
        return ROOT / "test/models" / model.name / "model.onnx"
    folder = FOLDER / model.name
    getattr(sparse_models, model.kind)(folder, **dict(model.sizes))
    return folder / "model.onnx"


@functools.cache
def counting(model, stages, optimizer):
    """The compiler's run that counts a model cut in so many stages."""
    return compiler(file_of(model), "--pipeline=gpipe", f"--devices={stages}", "--precision=bf16",
                    f"--optimizer={optimizer}", "--emit=costs")


@functools.cache
def counted(model, stages):
    """The stages of a model in so many: operations, bytes, and `parameters`."""
    result, without_moments = (json.loads(counting(model, stages, optimizer).out)["stages"] for optimizer in ("adamw", "sgd"))
    for stage, other in zip(result, without_moments, strict=True):
        stage["parameters"] = (stage["state"] - other["state"]) / 8  # two moments in f32
    return result


def sum_over_one_link(machine, holders, here, size):
    """Each of K holders sends and receives 2(K-1)/K of the gradients, all of it over the slowest link."""
    return 2 * (holders - 1) / holders * size / machine.rate(here == holders)


def sum_together(machine, holders, here, size):
    """The same, where what goes to those of its node, `here` of them, does not load the link between nodes."""
    within = 2 * (here - 1) / holders * size / machine.rate(True)
    return max(within, 2 * (holders - here) / holders * size / machine.rate(False))


def sum_by_levels(machine, holders, here, size):
    """Scattered within nodes, then summed between them in slices, then gathered within nodes, one after the other."""
    nodes = holders / here
    return 2 * (here - 1) / here * size / machine.rate(True) + 2 * (nodes - 1) / nodes * size / here / machine.rate(False)


def cost_file(stages, machine, devices, holders=1, within=True, messages=True, sums=True, memory=False, summed=sum_over_one_link):
    """A file of costs in seconds and bytes. Sums are over so many holders of a stage, which lie
    within a node or evenly in all nodes."""
    listed = []
    for stage in copy.deepcopy(stages):
        parameters = stage.pop("parameters")
        for kind in "FBIW":
            stage[kind] /= machine.operations * machine.efficiency
        if sums and holders > 1:
            here = holders if within else holders * machine.node // devices
            stage["sum"] = summed(machine, holders, max(here, 1), 4 * parameters)
            stage["holders"] = holders
        # AdamW reads and writes parameters, gradients and moments in f32; the norm reads gradients.
        stage["optimizer"] = 32 * parameters / machine.memory_rate
        stage["norm"] = 4 * parameters / machine.memory_rate
        listed.append(stage)
    costs = {"stages": listed}
    if messages:
        costs["links"] = {"latency": machine.latency[0], "bandwidth": machine.rate(True)}
    if messages and devices > machine.node:
        costs["links"]["nodes"] = {"devices": machine.node, "latency": machine.latency[1],
                                   "bandwidth": machine.rate(False)}
    if memory:
        costs["memory"] = machine.memory
    path = FOLDER / "costs.json"
    path.write_text(json.dumps(costs, indent=1))
    return path


def emulate(plan, costs, steps=5):
    """Milliseconds of a step of a plan on devices that compute nothing and take the times that costs say, as the runtime
    predicts them and as measured."""
    out = process.run([RUNNER, plan, "--device=emulated", f"--cost-file={costs}", f"--steps={steps}", "--predict"]).out
    return tuple(float(number) for number in re.search(r"^all +(\S+) +(\S+)", out, re.M).groups())


@dataclasses.dataclass
class Row:
    """A row of --compare."""
    makespan: float
    end: float  # with the gradient sums
    activations: float
    weights: float
    messages: int


def compare(names, microbatches, arguments):
    """{(name, micro-batches): Row}"""
    done = compiler(f"--compare={','.join(names)}", f"--microbatches={','.join(map(str, microbatches))}",
                    "--emit=report", *arguments)
    head, *lines = done.out.splitlines()
    found = {}
    for line in lines:
        name, count, *values = line.split()
        if name not in names:
            break
        numbers = [float(value) for value in values if re.fullmatch(r"[\d.e+-]+", value)]
        if len(numbers) < len(values) - 2:  # a text
            raise Failed(" ".join(values))
        makespan, end = numbers[0], numbers[2 if "with sums" in head else 0]
        found[name, int(count)] = Row(makespan, end, *numbers[-3:-1], int(numbers[-1]))
    return found


def step(arguments):
    """The time of a step of many, with norm and updates."""
    out = compiler(*arguments, "--emit=report").out
    return float(re.search(r"^step, one of many: ([\d.e+-]+)", out, re.M).group(1))


@dataclasses.dataclass
class Slices:
    """A step of many whose replicas keep slices of parameters and gradients."""
    step: float
    gathers: float  # of a stage, on average


def sharded(arguments):
    out = compiler(*arguments, "--emit=report").out
    step = float(re.search(r"^step, one of many: ([\d.e+-]+)", out, re.M).group(1))
    gathers, stages = map(int, re.search(r"^sharded parameters: .* (\d+) gathers of .*, of (\d+) stages", out, re.M).groups())
    return Slices(step, gathers / stages)
