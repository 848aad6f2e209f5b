"""Trains models whose tables are reached by ids from the data in many ways,
with one id that is outside in the third step: FOLDER [bitpipe-opt options]. Every run must
end with exit code 1 and one line, and the weights of step two."""

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
ROWS, SAMPLES, LENGTH = 7, 12, 3
RANDOM = np.random.default_rng(0)


def tool(*arguments):
    return subprocess.run(arguments, capture_output=True, text=True, cwd=folder)


def node(kind, inputs, output, **attributes):
    return helper.make_node(kind, inputs.split(), [output], name="the_" + output, **attributes)


def build(nodes, kind, constants):
    """ids -> the nodes' `rows` of the table E -> times W: the logits."""
    nodes = nodes + [node("Gather", "E rows", "embedded"), node("MatMul", "embedded W", "logits")]
    weights = {"E": RANDOM.standard_normal((ROWS, 4)), "W": RANDOM.standard_normal((4, 5))}
    tensors = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    tensors += [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("ids", kind, [2, LENGTH])],
                              [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [2, LENGTH, 5])], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), folder / "m.onnx")
    done = tool("bitpipe-opt", "m.onnx", "--pipeline=1f1b", "--devices=1", "--microbatches=2", "-o", "p.mlir",
                *sys.argv[2:])
    if done.returncode:
        sys.exit(done.stderr)


def train(ids, labels, steps):
    save_file({"ids": ids, "labels": labels}, folder / "d.safetensors")
    return tool("bitpipe-run", "p.mlir", "--data=d.safetensors", f"--steps={steps}", "--save=w.safetensors",
                "--metrics=m.jsonl")


def case(name, nodes, bad, good=(0, 4), kind=TensorProto.INT64, dtype=np.int64, label=None, row=9, **constants):
    build(nodes, kind, constants)
    ids = RANDOM.integers(*good, (SAMPLES, LENGTH)).astype(dtype)
    labels = RANDOM.integers(0, 5, (SAMPLES, LENGTH))
    done = train(ids, labels, 2)
    if done.returncode:
        sys.exit(f"{name}: {done.stderr}")
    before = load_file(folder / "w.safetensors")
    (folder / "w.safetensors").unlink()
    if label is None:
        ids[row, 1] = bad
    else:
        labels[row, 1] = label
    done = train(ids, labels, 3)
    lines = [line for line in done.stderr.splitlines() if "error:" in line]
    saved = load_file(folder / "w.safetensors") if (folder / "w.safetensors").exists() else {}
    kept = all(np.array_equal(saved.get(key), value) for key, value in before.items())
    losses = [json.loads(line)["loss"] for line in (folder / "m.jsonl").open()]
    finite = all(np.isfinite(loss) for loss in losses[:2])
    print(f"{name}: exit {done.returncode}, {'kept' if kept and finite else 'lost'}: {' | '.join(lines)}")


I64, I32 = TensorProto.INT64, TensorProto.INT32
zero, two, last = np.int64(0), np.int64(2), np.int64(ROWS - 1)
case("direct", [node("Identity", "ids", "rows")], 7)
case("negative", [node("Identity", "ids", "rows")], -1)
case("cast", [node("Cast", "ids", "rows", to=I64)], 2_000_000_000, kind=I32, dtype=np.int32)
case("cast down", [node("Cast", "ids", "rows", to=I32)], 2**32 + 1)
case("narrow input", [node("Identity", "ids", "rows")], 2**32 + 1, kind=I32)
case("product", [node("Mul", "ids two", "rows")], 4, good=(0, 3), two=two)
case("shifted up", [node("Add", "ids two", "rows")], 5, good=(-2, 5), two=two)
case("shifted up, below", [node("Add", "ids two", "rows")], -3, good=(-2, 5), two=two)
case("shifted down", [node("Sub", "ids two", "rows")], 9, good=(2, 9), two=two)
case("shifted down, below", [node("Sub", "ids two", "rows")], 1, good=(2, 9), two=two)
case("turned", [node("Sub", "two ids", "rows")], 3, good=(-4, 3), two=two)
case("turned, below", [node("Sub", "two ids", "rows")], -5, good=(-4, 3), two=two)
case("narrow, below", [node("Add", "ids two", "rows")], -3, good=(-2, 5), kind=I32, dtype=np.int32, two=np.int32(2))
case("chosen", [node("Less", "ids zero", "c"), node("Where", "c zero ids", "rows")], 7, zero=zero)
case("later", [node("Less", "ids zero", "c"), node("Where", "c zero ids", "rows")], 8, row=10, zero=zero)
case("far", [node("Less", "ids zero", "c"), node("Where", "c zero ids", "rows")], 2**62, zero=zero)
case("below", [node("Less", "ids zero", "c"), node("Where", "c ids zero", "rows")], -8, good=(-7, 7), zero=zero)
case("summed", [node("CumSum", "ids one", "rows")], 50, good=(0, 3), one=np.int64(1))
case("label", [node("Identity", "ids", "rows")], 0, label=5)
case("label below", [node("Identity", "ids", "rows")], 0, label=-101)
