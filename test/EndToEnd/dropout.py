"""Models with dropout, trained by the tools and by PyTorch in float64 with the masks that NumPy makes.

    dropout.py masks FOLDER        every element of masks of many shapes, exactly
    dropout.py train FOLDER        a transformer: loss, gradient norm and parameters, for several schedules and devices
    dropout.py recompute FOLDER    the same transformer with stages that recompute: the same bits

After FOLDER, gpu: by plans for GPUs, which the environment has doubles for."""

import json
import subprocess
import sys

import numpy as np
import onnx
import torch
from dropout_masks import key_of, mask
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save_file

LAYERS, WIDTH, HIDDEN, WORDS, SEQUENCE, BATCH = 4, 20, 37, 11, 9, 2
MICROBATCHES, STEPS, RATE = 4, 3, 0.05
ON_GPUS = sys.argv[3:] == ["gpu"]


class Graph:
    """Nodes and initializers of a model, in order."""

    def __init__(self):
        self.nodes, self.constants, self.parameters = [], {"on": np.array(True)}, []

    def add(self, kind, *inputs, **attributes):
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def constant(self, value):
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(value)
        return name

    def dropout(self, x, ratio):
        return self.add("Dropout", x, self.constant(np.float32(ratio)), "on")

    def parameter(self, name, value):
        self.constants[name] = value.astype(np.float32)
        self.parameters.append(name)
        return name

    def save(self, folder, inputs, loss):
        self.nodes.append(helper.make_node("Identity", [loss], ["loss"]))
        graph = helper.make_graph(
            self.nodes, "dropout", [helper.make_tensor_value_info(*one) for one in inputs],
            [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])],
            [numpy_helper.from_array(value, name) for name, value in self.constants.items()])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
        entry = model.metadata_props.add()
        entry.key, entry.value = "bitpipe.parameters", json.dumps(self.parameters)
        onnx.save(model, f"{folder}/model.onnx")


def train(folder, name, options, seed, steps, rate, *more):
    """The lines of metrics and the parameters after training."""
    of_target, of_run = (["--target=cuda", "--arch=emulated"], ["--share-gpus"]) if ON_GPUS else ([], [])
    for command in (["bitpipe-opt", "model.onnx", "--loss=loss", "--optimizer=sgd", *options, *of_target, "-o", f"{name}.mlir"],
                    ["bitpipe-run", f"{name}.mlir", *of_run, "--data=data.safetensors", f"--steps={steps}", f"--lr={rate}",
                     "--weight-decay=0", f"--seed={seed}", f"--metrics={name}.jsonl",
                     f"--save={name}.trained.safetensors", *more]):
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if result.returncode:
            sys.exit(f"{' '.join(command)}\n{result.stdout}{result.stderr}")
    with open(f"{folder}/{name}.jsonl") as file:
        return [json.loads(line) for line in file], load_file(f"{folder}/{name}.trained.safetensors")


def check_masks(folder):
    """A step of rate 1 on the sum of a dropout of zeros leaves its mask, negated."""
    shapes = [((), 0.5), ((1,), 0.25), ((64,), 0.1), ((3, 5, 37), 0.3), ((2, 1), 0.5), ((4, 7, 16), 0.999),
              ((2, 3, 100), 1 - 2**-24), ((1000, 33), 1e-6), ((5, 4, 3, 2), 0.2)]
    graph, seed = Graph(), 2**63 + 12345
    total = graph.add("ReduceMean", "x", keepdims=0)
    for i, (shape, ratio) in enumerate(shapes):
        q = graph.parameter(f"q{i}", np.zeros(shape))
        # A rank of 0 has nothing to reduce.
        dropped = graph.add("ReduceSum", graph.dropout(q, ratio), keepdims=0) if shape else graph.dropout(q, ratio)
        total = graph.add("Add", total, dropped)
    graph.save(folder, [("x", TensorProto.FLOAT, [2, 3])], total)
    save_file({"x": np.ones((2, 3), np.float32)}, f"{folder}/data.safetensors")
    for devices in (1, 3):
        _, saved = train(folder, "masks", ["--pipeline=1f1b", f"--devices={devices}", "--microbatches=1"], seed, 1, 1)
        for i, (shape, ratio) in enumerate(shapes):
            want = mask(shape, ratio, key_of(seed, 0, 0, i))
            if not np.array_equal(saved[f"q{i}"], -want):
                sys.exit(f"masks of shape {shape} with ratio {ratio} differ at "
                         f"{np.argwhere(saved[f'q{i}'] != -want)[:5].tolist()} on {devices} devices")
    print(f"{len(shapes)} masks are exact")


def weights():
    random = np.random.default_rng(3)
    made = {"table": random.standard_normal((WORDS, WIDTH))}
    for layer in range(LAYERS):
        for name, shape in (("q", (WIDTH, WIDTH)), ("k", (WIDTH, WIDTH)), ("v", (WIDTH, WIDTH)), ("o", (WIDTH, WIDTH)),
                            ("up", (WIDTH, HIDDEN)), ("bias", (HIDDEN,)), ("down", (HIDDEN, WIDTH))):
            made[f"{layer}.{name}"] = 0.5 * random.standard_normal(shape) / np.sqrt(WIDTH)
    return {name: value.astype(np.float32) for name, value in made.items()}


def build(folder, parameters):
    g = Graph()
    for name, value in parameters.items():
        g.parameter(name, value)
    scale = g.constant(np.float32(WIDTH**-0.5))
    h = g.dropout(g.add("Gather", "table", "ids"), 0.1)
    for layer in range(LAYERS):
        of = lambda x, name: g.add("MatMul", x, f"{layer}.{name}")
        keys = g.add("Transpose", of(h, "k"), perm=[0, 2, 1])
        shares = g.add("Softmax", g.add("Mul", g.add("MatMul", of(h, "q"), keys), scale), axis=-1)
        mixed = g.add("MatMul", g.dropout(shares, 0.2), of(h, "v"))
        h = g.add("Add", h, g.dropout(of(mixed, "o"), 0.1))
        inner = g.dropout(g.add("Gelu", g.add("Add", of(h, "up"), f"{layer}.bias")), 0.3)
        h = g.add("Add", h, of(inner, "down"))
    g.save(folder, [("ids", TensorProto.INT64, [BATCH, SEQUENCE])],
           g.add("ReduceMean", g.add("Mul", h, h), keepdims=0))


class Reference:
    """The same model in float64, with the masks of one seed."""

    def __init__(self, parameters, seed):
        self.of = {name: torch.tensor(value.astype(np.float64), requires_grad=True)
                   for name, value in parameters.items()}
        self.seed = seed

    def dropout(self, x, ratio):
        m = mask(tuple(x.shape), ratio, key_of(self.seed, self.step, self.microbatch, self.number))
        self.number += 1
        return x * torch.tensor(m.astype(np.float64))

    def loss(self, ids):
        self.number = 0
        h = self.dropout(self.of["table"][ids], 0.1)
        for layer in range(LAYERS):
            of = lambda x, name: x @ self.of[f"{layer}.{name}"]
            shares = torch.softmax(of(h, "q") @ of(h, "k").transpose(1, 2) * WIDTH**-0.5, dim=-1)
            h = h + self.dropout(of(self.dropout(shares, 0.2) @ of(h, "v"), "o"), 0.1)
            inner = torch.nn.functional.gelu(of(h, "up") + self.of[f"{layer}.bias"])
            h = h + of(self.dropout(inner, 0.3), "down")
        return (h * h).mean()

    def train(self, ids):
        """Loss and gradient norm of every step."""
        optimizer, lines = torch.optim.SGD(self.of.values(), lr=RATE), []
        for self.step in range(STEPS):
            optimizer.zero_grad()
            total = 0.0
            for self.microbatch in range(MICROBATCHES):
                first = (self.step * MICROBATCHES + self.microbatch) * BATCH
                loss = self.loss(torch.tensor(ids[first:first + BATCH])) / MICROBATCHES
                loss.backward()
                total += loss.item()
            norm = float(sum((p.grad**2).sum() for p in self.of.values())**0.5)
            lines.append({"loss": total, "grad_norm": norm})
            optimizer.step()
        return lines


def compare(what, lines, saved, reference, expected):
    worst = max(abs(line[key] / want[key] - 1) for line, want in zip(lines, expected, strict=True)
                for key in ("loss", "grad_norm"))
    for name, value in reference.of.items():
        want = value.detach().numpy()
        worst = max(worst, np.abs(saved[name] - want).max() / np.abs(want).max())
    if not worst < 2e-6:
        sys.exit(f"{what}: {worst:.1e} away from PyTorch; {lines} for {expected}")
    return worst


def check_training(folder):
    parameters, ids = weights(), np.random.default_rng(4).integers(0, WORDS, (STEPS * MICROBATCHES * BATCH, SEQUENCE))
    build(folder, parameters)
    save_file({"ids": ids}, f"{folder}/data.safetensors")
    trained = {}
    for seed in (0, 99):
        reference = Reference(parameters, seed)
        expected = reference.train(ids)
        for pipeline, devices in (("gpipe", 1), ("bitpipe", 2), ("bitpipe", 4), ("1f1b", 2), ("1f1b", 4), ("zb-v", 2),
                                  ("zb-h1", 4), ("dualpipe", 2)):
            if seed and pipeline != "bitpipe" or ON_GPUS and pipeline not in ("bitpipe", "zb-v"):
                continue
            name = f"{pipeline}-{devices}"
            options = [f"--pipeline={pipeline}", f"--devices={devices}", f"--microbatches={MICROBATCHES}"]
            lines, saved = train(folder, name, options, seed, STEPS, RATE)
            worst = compare(f"{name}, seed {seed}", lines, saved, reference, expected)
            print(f"{name}, seed {seed}: {worst:.1e} away from PyTorch in float64")
            trained[seed, name] = saved
    options = ["--pipeline=bitpipe", "--devices=4", f"--microbatches={MICROBATCHES}"]
    _, again = train(folder, "again", options, 99, STEPS, RATE)
    if any(not np.array_equal(again[n], trained[99, "bitpipe-4"][n]) for n in again):
        sys.exit("a seed gives other bits the second time")
    if all(np.array_equal(again[n], trained[0, "bitpipe-4"][n]) for n in again):
        sys.exit("two seeds give the same parameters")
    check_evaluated(folder, options, trained[99, "bitpipe-4"])


def check_evaluated(folder, options, expected):
    """Evaluations draw masks of their own, the same each time, and change none of the training's."""
    lines, saved = train(folder, "evaluated", options, 99, STEPS, RATE, "--eval-data=data.safetensors", "--eval-every=1")
    if any(not np.array_equal(saved[n], expected[n]) for n in saved):
        sys.exit("an evaluation gives a model with dropout other bits")
    for rate in (0, RATE):
        lines, _ = train(folder, "evaluated", options, 99, STEPS, rate, "--eval-data=data.safetensors", "--eval-every=1")
        losses = {line["eval_loss"] for line in lines if "eval_loss" in line}
        if len(losses) != (STEPS if rate else 1):
            sys.exit(f"evaluations of parameters that {'change' if rate else 'stay'} have losses {losses}")


def check_recomputed(folder):
    """What is recomputed draws the masks of the forward again."""
    build(folder, weights())
    save_file({"ids": np.random.default_rng(4).integers(0, WORDS, (STEPS * MICROBATCHES * BATCH, SEQUENCE))},
              f"{folder}/data.safetensors")
    for pipeline, devices in (("bitpipe", 2), ("zb-v", 2), ("1f1b", 4)):
        options = [f"--pipeline={pipeline}", f"--devices={devices}", f"--microbatches={MICROBATCHES}"]
        kept, recomputed = (train(folder, pipeline, [*options, f"--recompute={stages}"], 7, STEPS, RATE)[1]
                            for stages in ("none", "all"))
        if any(not np.array_equal(kept[name], recomputed[name]) for name in kept):
            sys.exit(f"{pipeline}: with recomputation dropout trains to other bits")
    print("recomputed masks are the same")


if __name__ == "__main__":
    {"masks": check_masks, "train": check_training, "recompute": check_recomputed}[sys.argv[1]](sys.argv[2])
