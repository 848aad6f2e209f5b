"""Which initializers are trained, and what is said about it."""

import json
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import small
from small import FOLDED, KIND, node, table

OWN = "bitpipe.parameters"
LAYER = [node("MatMul", "x w", "a"), node("Add", "a b", "c"), node("LayerNormalization", "c s t", "d"),
         node("Mul", "d c4", "e"), node("Add", "e grid")]
VALUES = {"w": table(4, 4), "b": table(4, seed=1), "s": table(4, seed=2), "t": table(4, seed=3),
          "c4": np.float32(4), "grid": table(2, 4, seed=4)}


def by_use():
    return small.model(LAYER, VALUES), {}, ["b", "s", "t", "w"], ["not trained: 'grid' [2, 4]"]


def by_own_list():
    made = small.model(LAYER, VALUES, metadata=[(OWN, json.dumps(["w", "grid"]))])
    return made, {}, ["grid", "w"], ["not trained: 'b' [4]", "not trained: 's' [4]", "not trained: 't' [4]"]


def by_frozen_list():
    """Frozen parameters are parameters: kept, not trained, and no constants."""
    made = small.model(LAYER, VALUES, metadata=[(OWN, json.dumps(["w"])), ("bitpipe.frozen", json.dumps(["b"]))])
    return made, {}, ["w"], [
        f"not trained: '{name}' {shape}" for name, shape in zip(("b", "s", "t", "grid"), ["[4]"] * 3 + ["[2, 4]"])]


def by_marks():
    marks = [("w", KIND, "PARAMETER"), ("b", KIND, "BUFFER"), ("s", KIND, "PARAMETER")]
    return small.model(LAYER, VALUES, marks=marks), {}, ["s", "w"], [
        "not trained: 'b' [4]", "not trained: 't' [4]", "not trained: 'grid' [2, 4]"]


def by_options():
    return small.model(LAYER, VALUES), {"train": "^gr", "freeze": "^(b|s)$"}, ["grid", "t", "w"], [
        "not trained: 'b' [4]", "not trained: 's' [4]"]


def merged():
    nodes = [node("LayerNormalization", "x s t", "a"), node("LayerNormalization", "a s t")]
    return small.model(nodes, {"s": VALUES["s"], "t": VALUES["t"]}), {}, ["s", "t"], [
        f"warning: '{name}' serves 2 normalisations or bias additions: equal tensors were merged by the exporter "
        "and would be trained as one; export again with python -m bitpipe.export, or with optimize=False"
        for name in "st"]


def cut_tie():
    head = table(4, 6)
    nodes = [node("MatMul", "x up", "a"), node("MatMul", "a val_1", "b"), node("Add", "b rows")]
    marks = [("up", KIND, "PARAMETER"), ("val_1", FOLDED, "['head.weight']"),
             ("rows", FOLDED, "['arange', 'wpe.weight']")]
    made = small.model(nodes, {"up": head, "val_1": np.ascontiguousarray(head.T), "rows": table(2, 4)}, marks=marks)
    return made, {}, ["rows", "up"], [
        "restored tie: 'val_1' (folded from 'head.weight') is the transpose of 'up'",
        "trained under the file's name: 'rows', folded from 'wpe.weight'"]


def nearly_a_tie():
    head = table(4, 6)
    other = np.ascontiguousarray(head.T)
    other[5, 3] += 1
    nodes = [node("MatMul", "x up", "a"), node("MatMul", "a val_1")]
    made = small.model(nodes, {"up": head, "val_1": other},
                       marks=[("up", KIND, "PARAMETER"), ("val_1", FOLDED, "['head.weight']")])
    return made, {}, ["up", "val_1"], ["trained under the file's name: 'val_1', folded from 'head.weight'"]


def unused():
    values = {"w": table(4, 3), "idle": table(4, 3)}
    return small.model([node("MatMul", "x w")], values), {}, ["w"], []


def compile_model(path, options):
    extra = "".join(f" {key}={value}" for key, value in options.items())
    return subprocess.run(["bitpipe-opt", f"--pipe-import-onnx=path={path}{extra}", "--pipe-onnx", "/dev/null"],
                          capture_output=True, text=True, check=True)


def parameters(text):
    """Name, whether it is trained, file and offset of every parameter."""
    for line in text.splitlines():
        words = line.split()
        if words and words[0] == "pipe.parameter":
            at = words.index("file") if "file" in words else None
            yield words[1][1:], "trainable" in words, at and words[at + 1].strip('"'), at and int(words[at + 3])


def check_places(text, values):
    """Every parameter points to its values."""
    for name, _, path, offset in parameters(text):
        got = np.fromfile(path, np.float32, values[name].size, offset=offset)
        assert np.array_equal(got, values[name].ravel()), name


def check_case(case, folder):
    made, options, trained, lines = case()
    onnx.save(made, f"{folder}/model.onnx")
    done = compile_model(f"{folder}/model.onnx", options)
    got = sorted(name for name, trains, _, _ in parameters(done.stdout) if trains)
    assert got == trained, (case.__name__, got)
    *said, summary = done.stderr.splitlines()
    assert said == lines, (case.__name__, said)
    assert summary.startswith(f"training {len(trained)} parameters"), summary
    assert not ("freeze" in options) or "@b : tensor<4xf32> file" in done.stdout, done.stdout
    values = {i.name: onnx.numpy_helper.to_array(i) for i in made.graph.initializer}
    check_places(done.stdout, values)


def check_forms(folder):
    """Data as raw bytes, as packed floats and in a file of its own."""
    values = {"w": table(4, 3)}
    made = small.linear()
    packed = onnx.helper.make_tensor("w", onnx.TensorProto.FLOAT, (4, 3), values["w"].ravel().tolist())
    made.graph.initializer[0].CopyFrom(packed)
    onnx.save(made, f"{folder}/packed.onnx")
    check_places(compile_model(f"{folder}/packed.onnx", {}).stdout, values)
    path = small.save_external(small.linear(), folder)
    text = compile_model(path, {}).stdout
    assert f'file "{folder}/weights.bin"' in text
    check_places(text, values)
    symbolic = small.linear(shape=("batch", 4))
    onnx.save(symbolic, f"{folder}/symbolic.onnx")
    assert "tensor<7x3xf32>" in compile_model(f"{folder}/symbolic.onnx", {"dims": "batch:7"}).stdout


def main():
    for case in (by_use, by_own_list, by_frozen_list, by_marks, by_options, merged, cut_tie, nearly_a_tie, unused):
        with tempfile.TemporaryDirectory() as folder:
            check_case(case, folder)
    with tempfile.TemporaryDirectory() as folder:
        check_forms(folder)


if __name__ == "__main__":
    sys.exit(main())
