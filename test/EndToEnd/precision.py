"""Models whose file is in half or double precision, or holds small integers."""

import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors import safe_open
from safetensors.numpy import save_file

LR = 0.5


def brain(values):
    """bfloat16 as bits, rounded to nearest even."""
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def tensor(name, values, kind):
    if kind == TensorProto.BFLOAT16:
        return helper.make_tensor(name, kind, values.shape, brain(values).tobytes(), raw=True)
    return numpy_helper.from_array(values.astype(helper.tensor_dtype_to_np_dtype(kind)), name)


def as_held(values, kind):
    """The numbers that are left of `values` in a type, as f32."""
    if kind == TensorProto.BFLOAT16:
        return (brain(values).astype(np.uint32) << 16).view(np.float32)
    return values.astype(helper.tensor_dtype_to_np_dtype(kind)).astype(np.float32)


def attention_model(kind, x, w, c, mask):
    """loss = sum(softmax(x w + mask) c), all of it in `kind` but for the data and the loss."""
    nodes = [("Cast", "x", "h", {"to": kind}), ("MatMul", "h w", "s", {}), ("Add", "s mask", "m", {}),
             ("Softmax", "m", "p", {"axis": -1}), ("Mul", "p c", "v", {}), ("Cast", "v", "f", {"to": 1}),
             ("ReduceSum", "f", "loss", {"keepdims": 0})]
    graph = helper.make_graph(
        [helper.make_node(op, i.split(), [o], name=o, **a) for op, i, o, a in nodes], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])],
        [tensor("w", w, kind), tensor("c", c, kind), tensor("mask", mask, kind)])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    made.metadata_props.add(key="bitpipe.parameters", value='["w", "c"]')
    return made


def run(*command, code=0):
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == code, (command, done.returncode, done.stdout, done.stderr)
    return done.stderr


def train(made, data, folder, *options):
    """One step of SGD; returns what was said and the path of what was saved."""
    path = lambda name: os.path.join(folder, name)
    onnx.save(made, path("model.onnx"))
    save_file(data, path("data.safetensors"))
    said = run("bitpipe-opt", path("model.onnx"), "--pipeline=gpipe", "--devices=1", "--microbatches=1", "--loss=loss",
               "--optimizer=sgd", *options, "-o", path("plan.mlir"))
    run("bitpipe-run", path("plan.mlir"), f"--data={path('data.safetensors')}", "--steps=1", f"--lr={LR}",
        "--weight-decay=0", f"--save={path('w.safetensors')}")
    return said, path("w.safetensors")


def saved(path, name):
    """The type in the file, and the numbers."""
    with safe_open(path, "np") as file:
        kind = file.get_slice(name).get_dtype()
    with open(path, "rb") as file:
        import json
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        start, end = header[name]["data_offsets"]
        data = file.read()[start:end]
    if kind == "BF16":
        return kind, (np.frombuffer(data, np.uint16).astype(np.uint32) << 16).view(np.float32)
    return kind, np.frombuffer(data, {"F16": np.float16, "F32": np.float32, "F64": np.float64}[kind])


def check_precision(kind, name, least, freeze):
    random = np.random.default_rng(1)
    x, w = random.normal(size=(3, 4)).astype(np.float32), random.normal(size=(4, 5))
    c, mask = random.normal(size=(5,)), np.triu(np.full((3, 5), least), 1)
    with tempfile.TemporaryDirectory() as folder:
        said, path = train(attention_model(kind, x, w, c, mask), {"x": x}, folder,
                           *(["--freeze=c"] if freeze else []))
        assert f"remark: computed in f32: 5 nodes that the file computes in {name}, first Cast 'h'" in said, said
        w, c = as_held(w, kind), as_held(c, kind)
        scores = np.where(mask == 0, x @ w, -np.inf)
        p = np.exp(scores - scores.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        want = {"w": w - LR * x.T @ (p * (c - (p * c).sum(-1, keepdims=True))), "c": c if freeze else c - LR * p.sum(0)}
        for parameter, value in want.items():
            stored, got = saved(path, parameter)
            assert stored == {"f16": "F16", "bf16": "BF16", "f64": "F64"}[name], stored
            rounding = {"f16": 2e-3, "bf16": 1e-2, "f64": 1e-5}[name]
            assert np.allclose(got.reshape(value.shape), value, rtol=rounding, atol=rounding), (name, parameter, got, value)


def check_inputs():
    """Floats of any width and small integers as data; an input that only feeds a cast."""
    random = np.random.default_rng(2)
    for kind, given in ((TensorProto.FLOAT16, np.float32), (TensorProto.FLOAT16, np.float16),
                        (TensorProto.DOUBLE, np.float64), (TensorProto.FLOAT, np.float16),
                        (TensorProto.UINT8, np.uint8), (TensorProto.INT8, np.int8), (TensorProto.UINT16, np.uint16),
                        (TensorProto.INT16, np.int16), (TensorProto.UINT32, np.uint32), (TensorProto.BOOL, np.bool_)):
        x = random.integers(0, 2 if given == np.bool_ else 100, (3, 4)).astype(given)
        if given == np.int8:
            x -= 50
        w = random.normal(size=(4, 2)).astype(np.float32)
        nodes = [helper.make_node("Cast", ["x"], ["f"], to=1), helper.make_node("MatMul", ["f", "w"], ["y"]),
                 helper.make_node("ReduceMean", ["y"], ["loss"], keepdims=0)]
        graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", kind, (3, 4))],
                                  [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])],
                                  [numpy_helper.from_array(w, "w")])
        with tempfile.TemporaryDirectory() as folder:
            _, path = train(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10),
                            {"x": x}, folder)
            want = w - LR * np.repeat(x.astype(np.float32).sum(0)[:, None], 2, 1) / 6
            assert np.allclose(saved(path, "w")[1].reshape(4, 2), want, rtol=1e-5, atol=1e-5), (kind, given)


def main():
    for freeze in (False, True):
        check_precision(TensorProto.FLOAT16, "f16", -65504., freeze)
        check_precision(TensorProto.BFLOAT16, "bf16", -3e38, freeze)
        check_precision(TensorProto.DOUBLE, "f64", np.finfo(np.float64).min, freeze)
    check_inputs()


if __name__ == "__main__":
    sys.exit(main())
