"""A case: a small ONNX graph whose values and gradients are known; and many cases as one model.

The loss of a case is the sum of its outputs, each times a weight of the same shape. Such a weight is a parameter, so
that its gradient is the output itself: one training step tells values and gradients. The loss of a model is the sum
over its cases; no two cases share a tensor.
"""

import json

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

import interpreter


class Case:
    """nodes: (kind, inputs, outputs, attributes). values: those named p... are parameters, those named x... data of
    every sample. fn: tensors by name -> output or outputs, without it the interpreter's. outputs: names, without them
    the first result of the last node. tol: what an error may be, relative to the largest entry. expect: "ok", or
    words of the message that refuses it. type: a NumPy type that the file has all floats in, which values must be
    numbers of."""

    def __init__(
        self, name, nodes, fn=None, values=None, opset=21, tol=2e-5, expect="ok", constants=None, outputs=None, type=None
    ):
        self.name, self.nodes, self.fn, self.opset, self.tol, self.expect = name, nodes, fn, opset, tol, expect
        self.values = {n: np.asarray(v) for n, v in (values or {}).items()}
        self.constants = {n: np.asarray(v) for n, v in (constants or {}).items()}
        self.outputs = outputs or [nodes[-1][2][0]]
        self.type = type

    def stored(self, value):
        """A value as the file has it."""
        return value.astype(self.type) if self.type and value.dtype.kind == "f" else value

    def trained(self, everything):
        """The names of what is a parameter: as the case says, or every float."""
        return [n for n, v in self.values.items() if v.dtype.kind == "f" and (everything or n[0] == "p")]


class Variant:
    """A case with its floats as it says, or all of them parameters, on `samples` micro-batches of data."""

    def __init__(self, case, everything, samples=1):
        self.case, self.samples = case, samples
        self.name = case.name + ("/parameters" if everything else "")
        self.trained = case.trained(everything)
        self.data = [n for n in case.values if n not in self.trained]
        random = np.random.default_rng(sum(map(ord, case.name)))
        first = self.sample_values(0)
        forward = evaluate(case, first, torch.float64, [])[0]
        # A step of 2^20 gradients must be a number of the type that parameters are saved in.
        size = 2.0**-16 if case.type == np.float16 else 1
        self.weights = [random.uniform(-size, size, tuple(y.shape)).astype(np.float32) for y in forward]
        self.real = [y.is_floating_point() for y in forward]

    def sample_values(self, sample):
        """The values of one micro-batch: data differs by a factor close to one, indices by a turn."""
        values = dict(self.case.values)
        for name in self.data if sample else []:
            value = values[name]
            values[name] = (
                value * np.float32(1 - sample / 16)
                if value.dtype.kind == "f"
                else np.roll(value.reshape(-1), sample).reshape(value.shape)
            )
        return values

    def reference(self, kind):
        """Outputs of every sample, and gradients of the mean loss, in the given precision."""
        outputs, gradients, loss = [], {}, 0.0
        for sample in range(self.samples):
            values = self.sample_values(sample)
            ys, leaves = evaluate(self.case, values, kind, self.trained)
            total = sum((y.to(kind) * torch.tensor(w).to(kind)).sum() for y, w in zip(ys, self.weights))
            if total.requires_grad:
                total.backward()
            loss += float(total.detach()) / self.samples
            outputs.append([y.detach().to(torch.float64).numpy() for y in ys])
            for name, leaf in leaves.items():
                gradient = (leaf.grad if leaf.grad is not None else torch.zeros_like(leaf)).to(torch.float64).numpy()
                gradients[name] = gradients.get(name, 0) + gradient / self.samples
        means = [np.mean([sample[k] for sample in outputs], axis=0) for k in range(len(self.weights))]
        gradients.update({f"w{k}": y for k, y in enumerate(means)})
        return outputs, gradients, loss


def evaluate(case, values, kind, trained):
    """The outputs and the leaves that gradients are wanted of, floats in precision `kind`."""
    with interpreter.precision(kind):
        tensors = {n: interpreter.tensor_of(v, kind) for n, v in {**values, **case.constants}.items()}
        leaves = {name: tensors[name].requires_grad_() for name in trained}
        if case.fn:
            ys = case.fn(tensors)
            return list(ys) if isinstance(ys, (tuple, list)) else [ys], leaves
        interpreter.run(case.nodes, tensors)
        return [tensors[name] for name in case.outputs], leaves


def integers(*values):
    return np.array(values, np.int64)


class Model:
    """One ONNX model of several variants. Data has one more dimension in front, that of the samples."""

    def __init__(self, variants):
        self.variants = variants
        self.nodes, self.inputs, self.initializers, self.parameters, self.losses = [], [], [], [], []
        self.input("the sum", "x__", np.zeros(1, np.float32))
        self.losses.append("x__")
        self.constant("first__", integers(0))
        self.constant("one__", integers(1))
        for i, variant in enumerate(variants):
            self.add(i, variant)
        self.node("the sum", "Concat", self.losses, ["losses__"], axis=0)
        self.node("the sum", "ReduceSum", ["losses__"], ["loss"], keepdims=0)

    def node(self, label, kind, inputs, outputs, **attributes):
        self.nodes.append(
            helper.make_node(kind, inputs, outputs, name=f"{label} {kind} {len(self.nodes)}", **attributes)
        )

    def constant(self, name, value):
        self.initializers.append(numpy_helper.from_array(np.array(value, order="C"), name))

    def parameter(self, name, value):
        self.constant(name, value)
        self.parameters.append(name)

    def input(self, label, name, value):
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        self.inputs.append(helper.make_tensor_value_info(name + ".data", kind, [1, *value.shape]))
        self.node(label, "Squeeze", [name + ".data", "first__"], [name])

    def add(self, i, variant):
        case, label = variant.case, f"{variant.name} <{i}>"
        at = lambda name: f"c{i}.{name}" if name else ""
        for name in variant.trained:
            self.parameter(at(name), case.stored(case.values[name]))
        for name in variant.data:
            self.input(label, at(name), case.stored(case.values[name]))
        for name, value in case.constants.items():
            self.constant(at(name), case.stored(value))
        for kind, inputs, outputs, attributes in case.nodes:
            self.node(label, kind, [at(n) for n in inputs], [at(n) for n in outputs], **attributes)
        for k, (name, weight) in enumerate(zip(case.outputs, variant.weights)):
            y, part = at(name), f"w{k}.part"
            self.parameter(at(f"w{k}"), weight)
            if case.type or not variant.real[k]:
                self.node(label, "Cast", [y], [at(f"w{k}.y")], to=TensorProto.FLOAT)
                y = at(f"w{k}.y")
            self.node(label, "Mul", [y, at(f"w{k}")], [at(f"w{k}.yw")])
            self.node(label, "ReduceSum", [at(f"w{k}.yw")], [at(f"w{k}.sum")], keepdims=0)
            self.node(label, "Reshape", [at(f"w{k}.sum"), "one__"], [at(part)])
            self.losses.append(at(part))

    def proto(self, outputs=None):
        """The model with its loss, or (to compute values elsewhere) with other outputs."""
        results = (
            [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])]
            if outputs is None
            else [onnx.ValueInfoProto(name=name) for name in outputs]
        )
        graph = helper.make_graph(self.nodes, "cases", self.inputs, results, self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.variants[0].case.opset)])
        model.ir_version = 10
        entry = model.metadata_props.add()
        entry.key, entry.value = "bitpipe.parameters", json.dumps(self.parameters)
        return model

    def data(self, samples):
        """What the model's inputs hold, sample by sample."""
        tensors = {"x__.data": np.zeros((samples, 1), np.float32)}
        for i, variant in enumerate(self.variants):
            for name in variant.data:
                rows = [variant.case.stored(variant.sample_values(s)[name]) for s in range(samples)]
                tensors[f"c{i}.{name}.data"] = np.ascontiguousarray(np.stack(rows))
        return tensors
