"""What is wrong with a model is said in one line, and the exit code is not 0."""

import os
import subprocess
import sys
import tempfile

import numpy as np
import small
from small import node


def written(folder, data):
    path = f"{folder}/model.onnx"
    with open(path, "wb") as file:
        file.write(data)
    return path


def missing(folder):
    return f"{folder}/none.onnx"


def no_onnx(folder):
    return written(folder, b"It was the best of times, it was the worst of times.\n" * 9)


def empty(folder):
    return written(folder, b"")


def truncated(folder):
    data = small.linear().SerializeToString()
    return written(folder, data[:len(data) // 2])


def symbolic(folder):
    return written(folder, small.linear(shape=("batch", 4)).SerializeToString())


def nameless(folder):
    return written(folder, small.linear(shape=(None, 4)).SerializeToString())


def unsupported(folder):
    nodes = [node("Det", "x", "a"), node("MatMul", "x w", "b"), node("GRU", "b w w", "c"),
             node("Gelu", "b", "y", approximate="fast")]
    return written(folder, small.model(nodes, {"w": small.table(4, 3)}, opset=20).SerializeToString())


def old(folder):
    return written(folder, small.linear(opset=11).SerializeToString())


def undefined(folder):
    return written(folder, small.model([node("Add", "x nowhere")], {}).SerializeToString())


def external_missing(folder):
    path = small.save_external(small.linear(), folder)
    os.remove(f"{folder}/weights.bin")
    return path


def external_short(folder):
    path = small.save_external(small.linear(), folder)
    os.truncate(f"{folder}/weights.bin", 40)
    return path


def short_tensor(folder):
    made = small.linear()
    made.graph.initializer[0].raw_data = made.graph.initializer[0].raw_data[:-4]
    return written(folder, made.SerializeToString())


def shapes(folder):
    return written(folder, small.linear(shape=(2, 5)).SerializeToString())


def typed(kind):
    """A weight, an input, a cast of a type that has no meaning here."""
    def weight(folder):
        made = small.linear()
        made.graph.initializer[0].data_type = kind
        return written(folder, made.SerializeToString())

    def given(folder):
        made = small.linear()
        made.graph.input[0].type.tensor_type.elem_type = kind
        return written(folder, made.SerializeToString())

    def cast(folder):
        nodes = [node("Cast", "x", "a", to=kind), node("Cast", "a", "b", to=1), node("MatMul", "b w")]
        return written(folder, small.model(nodes, {"w": small.table(4, 3)}).SerializeToString())
    return weight, given, cast


REFUSED = {8: "string", 13: "uint64", 14: "complex64", 17: "float8e4m3fn", 22: "int4", 23: "float4e2m1", 99: "number 99"}


def small_integers(folder):
    nodes = [node("Add", "i i", "j"), node("Cast", "j", "k", to=1), node("MatMul", "k w")]
    return written(folder, small.model(nodes, {"i": np.ones((2, 4), np.uint8), "w": small.table(4, 3)}).SerializeToString())


def wrapping_cast(folder):
    nodes = [node("Cast", "x", "i", to=2), node("Cast", "i", "k", to=1), node("MatMul", "k w")]
    return written(folder, small.model(nodes, {"w": small.table(4, 3)}).SerializeToString())


def plain(folder):
    return written(folder, small.linear().SerializeToString())


def detached(folder):
    """Only an Identity may be marked."""
    made = small.linear()
    made.graph.node[0].metadata_props.add(key="bitpipe.detach", value="1")
    return written(folder, made.SerializeToString())


CASES = [
    (missing, {}, ["cannot open the model: No such file"]),
    (no_onnx, {}, ["not an ONNX model"]),
    (empty, {}, ["not an ONNX model"]),
    (truncated, {}, ["not an ONNX model, or it is truncated"]),
    (symbolic, {}, ["dimension 0 of input 'x' is symbolic, expected its size by --dim=batch=K"]),
    (nameless, {}, ["dimension 0 of input 'x' has neither a size nor a name"]),
    (unsupported, {}, ["Det 'node_a': not supported: this operator", "GRU 'node_c': not supported: this operator",
                       "Gelu 'node_y': not supported: approximation fast"]),
    (old, {}, ["MatMul 'node_y': not supported: operator set 11, expected 13 to 23"]),
    (undefined, {}, ["node_y reads 'nowhere', which nothing before it defines"]),
    (external_missing, {}, ["weights.bin' of tensor 'w': No such file"]),
    (external_short, {}, ["weights.bin' has 40 bytes, expected at least 48 for tensor 'w'"]),
    (short_tensor, {}, ["tensor 'w' holds 44 bytes, expected 48"]),
    (shapes, {}, ["MatMul 'node_y': operands of 'tensor<2x5xf32>' and 'tensor<4x3xf32>' do not fit together"]),
    *[case for kind, name in REFUSED.items() for case in zip(typed(kind), [{}] * 3, [
        [f"tensor 'w' has type {name}, expected float, "], [f"input 'x' is of type {name}, expected a tensor of float, "],
        [f"Cast 'node_a': not supported: cast to {name}"]])],
    (small_integers, {}, ["Add 'node_j': computes with 'i' of type uint8, expected only casts"]),
    (wrapping_cast, {}, ["Cast 'node_i': casts 'f32' to uint8, which is supported for truth values and constants only"]),
    (plain, {"train": "nothing"}, ["--train='nothing' matches no float tensor of the model, expected some of 1: 'w'"]),
    (plain, {"freeze": "nothing"}, ["--freeze='nothing' matches no parameter of the model, expected some of 1: 'w'"]),
    (detached, {}, ["MatMul is marked bitpipe.detach, expected an Identity"]),
    (symbolic, {"train": "("}, ["'(' is not a regular expression"]),
]


def main():
    for make, options, messages in CASES:
        with tempfile.TemporaryDirectory() as folder:
            extra = "".join(f" {key}={value}" for key, value in options.items())
            done = subprocess.run(
                ["bitpipe-opt", f"--pipe-import-onnx=path={make(folder)}{extra}", "--pipe-onnx", "/dev/null",
                 "-o", f"{folder}/out.mlir"], capture_output=True, text=True)
            errors = [line for line in done.stderr.splitlines() if "error:" in line]
            print(make.__name__, done.returncode, *errors, sep="\n  ")
            assert done.returncode == 1, done.returncode
            assert len(errors) == len(messages), done.stderr
            for message, error in zip(messages, errors):
                assert message in error, (message, error)
            assert not os.path.exists(f"{folder}/out.mlir")


if __name__ == "__main__":
    sys.exit(main())
