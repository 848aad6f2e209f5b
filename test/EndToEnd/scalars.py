"""Every scalar operator, forward and gradient, over the whole range of f32, against
PyTorch in float64: zero, kinks, ties, numbers below the normal ones and up to 1e38.

One training step of one model gives all numbers exactly. Its loss is the sum of
f(x + q) * (1 + c) * w with parameters q and c that are zero, so that a step of rate 1
leaves -f'(x) w in q and -f(x) w in c; w is a power of two that keeps sums finite.

    scalars.py FOLDER [NAME...]"""

import json
import subprocess
import sys

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save_file

random = np.random.default_rng(0)
decades = [m * 10.0**e for e in range(-45, 39) for m in (1, random.uniform(1, 3))]
near = list(np.linspace(-10, 10, 81)) + list(random.uniform(-100, 100, 60))
SWEEP = np.array([0, 1, -1, 88, -88, 89, -89, -104, 120, -120, *near, *decades, *[-d for d in decades],
                  16367173 * 2.0**72, 2.0**30, 2.0**48, 2.0**72, 2.0**96, 2.0**120]).astype(np.float32)
FEW = np.array([0, 1, -1, 2, -2, 0.5, -0.5, 3, -3, 9, -9, 10, 1e-30, -1e-30, 1e-40, 1e-10, 1e10, -1e10,
                1e30, -1e30, 1e38, 1.7, -1.7, 0.1, 16, 25, -25, 1e-3, 7.3], np.float32)
PAIRS = [np.array([a for a in FEW for _ in FEW]), np.array([b for _ in FEW for b in FEW])]


def nodes_of(kind, attributes=None, constants=()):
    """One node, whose constants follow its operands."""
    def build(inputs, output):
        return [helper.make_node(kind, inputs + list(constants), [output], **(attributes or {}))]
    return build


def silu(inputs, output):
    return [helper.make_node("Sigmoid", inputs, [output + "_s"]),
            helper.make_node("Mul", [inputs[0], output + "_s"], [output])]


CONSTANTS = {f"c{e}": np.float32(e) for e in (0, 1, 2, 3, 5, 9, 10, 17, -1, -2, -3, 0.5, -0.5, 1.7)}
CONSTANTS["whole"] = (np.arange(len(SWEEP)) % 14 - 3).astype(np.float32)

# name: (nodes, function, operands, what an element may be off beside 1e-6 of it)
CASES = {
    "neg": (nodes_of("Neg"), torch.neg, [SWEEP], 0),
    "abs": (nodes_of("Abs"), torch.abs, [SWEEP], 0),
    "sqrt": (nodes_of("Sqrt"), torch.sqrt, [SWEEP], 0),
    "exp": (nodes_of("Exp"), torch.exp, [SWEEP], 0),
    "log": (nodes_of("Log"), torch.log, [SWEEP], 0),
    "sin": (nodes_of("Sin"), torch.sin, [SWEEP], 0),
    "cos": (nodes_of("Cos"), torch.cos, [SWEEP], 0),
    "tanh": (nodes_of("Tanh"), torch.tanh, [SWEEP], 6e-7),
    "erf": (nodes_of("Erf"), torch.erf, [SWEEP], 2.4e-7),
    "floor": (nodes_of("Floor"), torch.floor, [SWEEP], 0),
    "ceil": (nodes_of("Ceil"), torch.ceil, [SWEEP], 0),
    "reciprocal": (nodes_of("Reciprocal"), torch.reciprocal, [SWEEP], 0),
    "sigmoid": (nodes_of("Sigmoid"), torch.sigmoid, [SWEEP], 2.4e-7),
    "silu": (silu, F.silu, [SWEEP], 1e-6),
    "relu": (nodes_of("Relu"), F.relu, [SWEEP], 0),
    "gelu": (nodes_of("Gelu"), F.gelu, [SWEEP], 1e-6),
    "gelu-tanh": (nodes_of("Gelu", {"approximate": "tanh"}), lambda x: F.gelu(x, approximate="tanh"),
                  [SWEEP], 2e-6),
    "pow-whole-tensor": (nodes_of("Pow", constants=["whole"]),
                         lambda x: x ** torch.tensor(CONSTANTS["whole"], dtype=x.dtype), [SWEEP], 0),
    "add": (nodes_of("Add"), torch.add, PAIRS, 0),
    "sub": (nodes_of("Sub"), torch.sub, PAIRS, 0),
    "mul": (nodes_of("Mul"), torch.mul, PAIRS, 0),
    "div": (nodes_of("Div"), torch.div, PAIRS, 0),
    "pow": (nodes_of("Pow"), torch.pow, PAIRS, 0),
    "max": (nodes_of("Max"), torch.maximum, PAIRS, 0),
    "min": (nodes_of("Min"), torch.minimum, PAIRS, 0),
    "max-of-three": (nodes_of("Max", constants=["c2"]), lambda a, b: torch.maximum(
        torch.maximum(a, b), torch.tensor(2, dtype=a.dtype)), PAIRS, 0),
    "fmod": (nodes_of("Mod", {"fmod": 1}), torch.fmod, PAIRS, 0),
}
for name, number in CONSTANTS.items():
    if name != "whole":
        CASES["pow-" + name[1:]] = (nodes_of("Pow", constants=[name]),
                                    lambda x, e=float(number): torch.pow(x, e), [SWEEP], 0)


def differentiated(function, operands, kind):
    inputs = [torch.tensor(x.astype(kind), requires_grad=True) for x in operands]
    y = function(*inputs)
    gradients = torch.autograd.grad(y.sum(), inputs)
    return [t.detach().double().numpy() for t in (y, *gradients)]


class Case:
    def __init__(self, name, nodes, function, operands, slack):
        self.name, self.nodes, self.slack = name, nodes, slack
        self.operands = operands
        want = differentiated(function, operands, np.float64)
        single = differentiated(function, operands, np.float32)
        largest = np.max(np.abs(want), axis=0)
        # Where the true value or slope is too large for f32 there is nothing to compare.
        self.kept = largest < 1e38
        self.weight = np.exp2(-np.ceil(np.log2(np.clip(np.nan_to_num(largest, nan=1), 1, 1e38))))
        self.want = [w * self.weight for w in want]
        self.single = [s * self.weight for s in single]

    def compare(self, got):
        """The indices of results that differ; the first elements that do are printed. As
        close as PyTorch in f32, or closer than 1e-6."""
        np.seterr(invalid="ignore", over="ignore")
        for i, (ours, want, single) in enumerate(zip(got, self.want, self.single)):
            allowed = np.maximum(1e-6 * np.abs(want), 4 * np.abs(np.nan_to_num(single - want)))
            allowed = np.maximum(np.minimum(allowed, 1e-4 * np.abs(want)),
                                 1e-37 + self.slack * self.weight)
            off = self.kept & ~(np.abs(ours - want) <= allowed)
            if off.any():
                at = np.flatnonzero(off)
                what = "value" if i == 0 else f"slope {i}"
                print(f"{self.name}: {what} differs at {len(at)} of {self.kept.sum()}, e.g. at " + "; ".join(
                    f"{[float(x[j]) for x in self.operands]}: {ours[j] / self.weight[j]:.9g} for "
                    f"{want[j] / self.weight[j]:.9g}" for j in at[:6]), file=sys.stderr)
                yield i


def build(cases):
    """The model, its data, and where each case's operands and results lie."""
    nodes, constants, x, weights, places = [], dict(CONSTANTS), [], [], []
    at = out = 0
    results = []
    nodes.append(helper.make_node("Add", ["x", "q"], ["sum"]))
    constants["axis"] = np.array([1])
    for case in cases:
        names, begin = [], at
        for operand in case.operands:
            name = f"{case.name}_{len(names)}"
            # A constant stands in where nothing is compared.
            x.append(np.where(case.kept, operand, 1))
            for bound, value in (("begin", at), ("end", at + len(operand))):
                constants[f"{name}_{bound}"] = np.array([value])
            nodes.append(helper.make_node("Slice", ["sum", f"{name}_begin", f"{name}_end", "axis"], [name]))
            names.append(name)
            at += len(operand)
        nodes += case.nodes(names, case.name)
        results.append(case.name)
        weights.append(np.where(case.kept, case.weight, 0))
        places.append((begin, out))
        out += len(case.kept)
    constants["one"] = np.float32(1)
    nodes += [helper.make_node("Concat", results, ["y"], axis=1),
              helper.make_node("Add", ["c", "one"], ["near_one"]),
              helper.make_node("Mul", ["y", "near_one"], ["a"]),
              helper.make_node("Mul", ["a", "w"], ["b"]),
              helper.make_node("ReduceSum", ["b"], ["loss"], keepdims=0)]
    constants["q"], constants["c"] = np.zeros((1, at), np.float32), np.zeros((1, out), np.float32)
    value = lambda name, size: helper.make_tensor_value_info(name, TensorProto.FLOAT, size)
    graph = helper.make_graph(nodes, "scalars", [value("x", [1, at]), value("w", [1, out])], [value("loss", [])],
                              [numpy_helper.from_array(v, n) for n, v in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    entry = model.metadata_props.add()
    entry.key, entry.value = "bitpipe.parameters", json.dumps(["q", "c"])
    data = {name: np.concatenate(parts)[None].astype(np.float32) for name, parts in (("x", x), ("w", weights))}
    return model, data, places


def main(folder, names):
    cases = [Case(name, *CASES[name]) for name in names or CASES]
    model, data, places = build(cases)
    onnx.save(model, f"{folder}/model.onnx")
    save_file(data, f"{folder}/data.safetensors")
    for command in (["bitpipe-opt", "model.onnx", "--pipeline=gpipe", "--devices=1", "--microbatches=1",
                     "--loss=loss", "--optimizer=sgd", "-o", "plan.mlir"],
                    ["bitpipe-run", "plan.mlir", "--data=data.safetensors", "--steps=1", "--lr=1",
                     "--weight-decay=0", "--save=saved.safetensors"]):
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    saved = {name: -tensor[0].astype(np.float64) for name, tensor in load_file(f"{folder}/saved.safetensors").items()}
    wrong = 0
    for case, (begin, out) in zip(cases, places):
        size = len(case.kept)
        slopes = [saved["q"][begin + k * size:begin + (k + 1) * size] for k in range(len(case.operands))]
        wrong += bool(list(case.compare([saved["c"][out:out + size], *slopes])))
    print(f"{len(cases) - wrong} of {len(cases)} scalar operators agree with PyTorch")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
