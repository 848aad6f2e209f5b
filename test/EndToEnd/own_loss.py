"""Trains a model with a loss of its own, a weighted mean, and compares losses,
norms and parameters with NumPy in float64: FOLDER. However the batch is cut
into micro-batches, it is the mean over the whole batch that falls."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save_file

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
RANDOM = np.random.default_rng(1)
BATCH, STEPS, RATE = 8, 3, 0.1
x = RANDOM.standard_normal((BATCH * STEPS, 4))
weights = RANDOM.integers(0, 3, (BATCH * STEPS, 3)).astype(float)  # unequal, and some of nothing
weights[:2] = 0
weights[BATCH:2 * BATCH] = 0  # a step in which nothing counts
w = RANDOM.standard_normal((4, 3)).astype(np.float32)
CONSTANTS = {"zero": np.float32(0), "one": np.float32(1), "tiny": np.float32(1e-6), "whole_one": np.int64(1)}
ATTRIBUTES = {"floored": {"to": TensorProto.FLOAT}, "reals": {"to": TensorProto.FLOAT}, "count": {"to": TensorProto.INT64}, "sum": {"keepdims": 0},
              "real_count": {"keepdims": 0}}


def tool(*arguments):
    done = subprocess.run(arguments, capture_output=True, text=True, cwd=folder)
    if done.returncode:
        sys.exit(f"{arguments}: {done.stderr}")
    return done.stderr


# How exporters keep a count from being zero: as nodes that make `floored` of `real_count`.
FLOORS = {"none": [], "max": [("Max", "real_count one", "floored")], "max-left": [("Max", "one real_count", "floored")],
          "clip": [("Clip", "real_count one", "floored")],
          "whole-clip": [("Clip", "count whole_one", "at_least"), ("Cast", "at_least", "floored")],
          "where": [("Greater", "real_count zero", "some"), ("Where", "some real_count one", "floored")],
          "where-none": [("Equal", "real_count zero", "nothing"), ("Where", "nothing one real_count", "floored")],
          "twice": [("Clip", "real_count one", "at_least"), ("Max", "at_least tiny", "floored")]}


def write(samples, floor):
    """loss = sum / count of weights * (x @ w)^2; the count is whole numbers."""
    nodes = [("MatMul", "x w", "y"), ("Mul", "y y", "square"), ("Cast", "weights", "reals"),
             ("Mul", "square reals", "each"), ("ReduceSum", "each", "sum"), ("ReduceSum", "reals", "real_count"),
             ("Cast", "real_count", "count")]
    nodes += FLOORS[floor]
    divisor = "floored" if FLOORS[floor] else "real_count"
    nodes.append(("Div", f"sum {divisor}", "loss"))
    graph = helper.make_graph(
        [helper.make_node(kind, inputs.split(), [output], **(ATTRIBUTES.get(output, {}) if kind in ("Cast", "ReduceSum") else {}))
         for kind, inputs, output in nodes], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [samples, 4]),
         helper.make_tensor_value_info("weights", TensorProto.INT64, [samples, 3])],
        [helper.make_tensor_value_info("sum", TensorProto.FLOAT, []), helper.make_tensor_value_info("count", TensorProto.INT64, []),
         helper.make_tensor_value_info(divisor, TensorProto.FLOAT, []), helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])],
        [numpy_helper.from_array(w, "w")] + [numpy_helper.from_array(value, name) for name, value in CONSTANTS.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), folder / "m.onnx")


def expected():
    parameters, lines = w.astype(float), []
    for step in range(STEPS):
        part = slice(step * BATCH, (step + 1) * BATCH)
        y, each = x[part] @ parameters, weights[part]
        count = each.sum() or 1
        gradient = x[part].T @ (2 * each * y) / count
        lines.append(((each * y * y).sum() / count, np.linalg.norm(gradient)))
        parameters = parameters - RATE * gradient
    return parameters, lines


def check(loss, floor, microbatches):
    write(BATCH // microbatches, floor)
    said = tool("bitpipe-opt", "m.onnx", "--pipeline=gpipe", "--devices=1", f"--microbatches={microbatches}",
                f"--loss={loss}", "--optimizer=sgd", "-o", "p.mlir")
    if f"the loss is '{loss}', its sum over all micro-batches divided by its count" not in said:
        print(f"{loss}: {said}")
    tool("bitpipe-run", "p.mlir", "--data=d.safetensors", f"--steps={STEPS}", f"--lr={RATE}",
         "--weight-decay=0", "--metrics=m.jsonl", "--save=w.safetensors", "--eval-data=d.safetensors")
    *steps, evaluation = map(json.loads, (folder / "m.jsonl").open())
    got = [(line["loss"], line["grad_norm"]) for line in steps]
    # Batches that count unequally are one mean, too.
    evaluated = (weights * (x @ parameters)**2).sum() / weights.sum()
    worst = max(abs(evaluation["eval_loss"] - evaluated), np.abs(np.array(got) - lines).max(), np.abs(load_file(folder / "w.safetensors")["w"] - parameters).max())
    if not worst < 1e-5:
        print(f"{loss}, floor {floor}, {microbatches} micro-batches: {worst} off: {got} for {lines}")


parameters, lines = expected()
save_file({"x": x.astype(np.float32), "weights": weights.astype(np.int64)}, folder / "d.safetensors")
for floor in FLOORS:
    for microbatches in (1, 4, 8):
        check("loss", floor, microbatches)
for counted, floor in (("count", "none"), ("floored", "clip"), ("floored", "where"), ("floored", "whole-clip")):
    check(f"sum/{counted}", floor, 4)
print("all as one batch")
