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


SIGNATURE = "pkg.torch.export.ExportedProgram.graph_signature"
SCOPES = "pkg.torch.onnx.name_scopes"


def by_use():
    return small.model(LAYER, VALUES), {}, ["b", "grid", "s", "t", "w"], []


def by_own_list():
    made = small.model(LAYER, VALUES, metadata=[(OWN, json.dumps(["w", "grid"]))])
    return made, {}, ["grid", "w"], ["not trained: 3 constants (constant: 'b', 's', 't'), see --train"]


def by_frozen_list():
    """Frozen parameters are kept and not trained; the names of tied ones are theirs, too."""
    made = small.model(LAYER, VALUES, metadata=[(OWN, json.dumps(["w", "s"])), ("bitpipe.frozen", json.dumps(["b"])),
                                                ("bitpipe.aliases", json.dumps({"head.w": "w", "other.b": "b"}))])
    return made, {"freeze": "^head", "train": "^t$"}, ["s", "t"], [
        "frozen: 2 parameters: 'w', 'b'", "not trained: 1 constants (constant: 'grid'), see --train"]


def by_marks():
    marks = [("w", KIND, "PARAMETER"), ("b", KIND, "BUFFER"), ("s", KIND, "PARAMETER")]
    return small.model(LAYER, VALUES, marks=marks), {}, ["s", "w"], [
        "not trained: 3 constants (buffer: 'b'; constant: 't', 'grid'), see --train"]


def by_options():
    made = small.model(LAYER, VALUES, metadata=[(OWN, json.dumps(["w", "b", "s", "t"]))])
    return made, {"train": "^gr", "freeze": "^(b|s)$"}, ["grid", "t", "w"], ["frozen: 2 parameters: 'b', 's'"]


def through_moves():
    """Tables of three dimensions behind a slice, expert weights, a gate of one element that a module names, parts of
    one weight, a vector in a product; and what was computed: sines, frequencies, positions, masks."""
    angles = np.arange(8)[:, None] * (100. ** -(np.arange(4) / 4))[None]
    values = {"positions": table(1, 6, 4), "zero": np.int64([0]), "two": np.int64([2]), "one": np.int64([1]),
              "experts": table(3, 4, 4, seed=1), "parts": table(8, 4, seed=2), "half": np.int64([4, 4]),
              "block.gate": np.float32([.7]), "vector": table(4, seed=3), "eye": np.eye(4, dtype=np.float32),
              "fresh": np.zeros((4, 4), np.float32),
              "sines": np.sin(angles).astype(np.float32), "count": np.int64([0, 1]),
              "frequencies": (100. ** -(np.arange(4) / 4)).astype(np.float32),
              "distances": -np.abs(np.arange(2)[:, None] - np.arange(4)[None]).astype(np.float32),
              "steps": np.linspace(0, .9, 4, dtype=np.float32),
              "hidden": np.where(np.tri(2, 4), 0, -1e9).astype(np.float32), "factor": np.float32(3)}
    nodes = [node("Slice", "positions zero two one", "p"), node("Add", "x p", "a"), node("Split", "parts half", "q r", axis=0),
             node("MatMul", "a experts", "b"), node("MatMul", "b q", "c"), node("MatMul", "c r", "d"),
             node("Mul", "d block.gate", "e"), node("MatMul", "e vector", "f"), node("Unsqueeze", "f one", "g"),
             node("Mul", "d g", "h"), node("MatMul", "h eye", "i"), node("MatMul", "i fresh", "j"),
             node("Gather", "sines count", "k"), node("Mul", "j k", "l"), node("Mul", "l frequencies", "m"),
             node("Add", "m distances", "n"), node("Mul", "n steps", "o"), node("Add", "o hidden", "v"),
             node("Mul", "v factor")]
    nodes[8] = node("Reshape", "f shape", "g")
    values["shape"] = np.int64([3, 2, 1])
    return small.model(nodes, values), {}, sorted(["positions", "experts", "parts", "block.gate", "vector", "eye", "fresh"]), [
        "not trained: 5 constants (sines: 'sines'; frequencies: 'frequencies'; whole numbers: 'distances'; "
        "positions: 'steps'; mask: 'hidden'), see --train"]


def constant_nodes():
    """Weights that other exporters put in Constant nodes."""
    weight = onnx.numpy_helper.from_array(table(4, 4), "value")
    code = onnx.numpy_helper.from_array(table(4, 4, seed=5), "value")
    nodes = [onnx.helper.make_node("Constant", [], ["w"], value=weight),
             onnx.helper.make_node("Constant", [], ["/block/Constant_output_0"], value=code),
             node("MatMul", "x w", "a"), node("MatMul", "a /block/Constant_output_0")]
    return small.model(nodes, {}), {}, ["w"], []


def merged(numbers=np.ones(4, np.float32)):
    nodes = [node("LayerNormalization", "x s t", "a"), node("LayerNormalization", "a s t")]
    return small.model(nodes, {"s": numbers, "t": VALUES["t"]}), {}, ["s", "t"], [
        f"warning: '{name}' serves 2 layers: if the module has a parameter for each, the exporter merged equal tensors "
        "and they are trained as one; export again with python -m bitpipe.export, or with optimize=False"
        for name in "st"]


def merged_matrix():
    made = small.model([node("MatMul", "x w", "a"), node("MatMul", "a w")], {"w": np.zeros((4, 4), np.float32)})
    return made, {}, ["w"], [merged()[3][0].replace("'s'", "'w'")]


def signature(made, names, scopes):
    text = "".join(f"\np_{name.replace('.', '_')}: PARAMETER target='{name}'" for name in names)
    made.graph.metadata_props.add(key=SIGNATURE, value=text)
    for step, scope in zip(made.graph.node, scopes):
        step.metadata_props.add(key=SCOPES, value=str(["", scope, step.name]))
    return made


def separated():
    """The exporter kept the first of equal tensors, and the last name of tied ones."""
    nodes = [node("Gather", "head.weight ids", "e"), node("LayerNormalization", "e one.weight", "a"),
             node("MatMul", "a val_1", "b"), node("LayerNormalization", "b one.weight", "c"),
             node("MatMul", "c val_1", "d"), node("Transpose", "head.weight", "h"), node("MatMul", "d h")]
    values = {"head.weight": table(6, 4), "one.weight": np.ones(4, np.float32), "val_1": np.zeros((4, 4), np.float32),
              "ids": np.int64([[0, 1]])}
    marks = [("head.weight", KIND, "PARAMETER"), ("one.weight", KIND, "PARAMETER"), ("val_1", FOLDED, "['up.weight']")]
    made = signature(small.model(nodes, values, marks=marks),
                     ["table.weight", "one.weight", "two.weight", "up.weight", "down.weight", "up.bias", "head.weight"],
                     ["table", "one", "up", "two", "down", "head", "head"])
    return made, {}, ["head.weight", "one.weight", "two.weight", "val_1", "val_1/down.weight"], [
        "separated again: 2 parameters that the exporter merged with equal ones: 'two.weight', 'val_1/down.weight'",
        "warning: the file lacks 1 parameters of the module: 'up.bias': nothing uses them, or they are tied to another, or "
        "the exporter dropped them while they were zero, and they are not trained; export again with "
        "python -m bitpipe.export, or with optimize=False",
        "trained under the file's name: 'val_1', folded from 'up.weight'",
        "trained under the file's name: 'val_1/down.weight', folded from 'down.weight'"]


def by_alias():
    made, _, trained, lines = separated()
    return made, {"freeze": "^table"}, trained[1:], lines + ["frozen: 1 parameters: 'head.weight'"]


def identities():
    """TorchScript's exporter leaves an Identity for each tensor that it merged."""
    nodes = [node("Identity", "a.weight", "b.weight"), node("LayerNormalization", "x a.weight", "c"),
             node("LayerNormalization", "c b.weight")]
    made = small.model(nodes, {"a.weight": np.ones(4, np.float32)})
    made.producer_name = "pytorch"
    return made, {}, ["a.weight", "b.weight"], [
        "separated again: 1 parameters that the exporter merged with equal ones: 'b.weight'"]


def cut_tie():
    """PyTorch's exporter names what a copy was folded from."""
    head = table(4, 6)
    nodes = [node("MatMul", "x up", "a"), node("MatMul", "a val_1", "b"), node("Add", "b embedding")]
    marks = [("up", KIND, "PARAMETER"), ("val_1", FOLDED, "['up']"), ("embedding", FOLDED, "['arange', 'wpe.weight']")]
    made = small.model(nodes, {"up": head, "val_1": np.ascontiguousarray(head.T), "embedding": table(2, 4)}, marks=marks)
    return made, {}, ["embedding", "up"], [
        "restored tie: 'val_1' (folded from 'up') is the transpose of 'up'",
        "trained under the file's name: 'embedding', folded from 'wpe.weight'"]


def cut_tie_without_names(head=table(6, 4)):
    """TorchScript's does not, but a table and the transposed copy that is the last matrix are tied."""
    nodes = [node("Gather", "wte.weight ids", "e"), node("Add", "e x", "a"), node("MatMul", "a onnx::MatMul_9")]
    values = {"wte.weight": head, "onnx::MatMul_9": np.ascontiguousarray(head.T), "ids": np.int64([[0, 1]])}
    return small.model(nodes, values), {}, ["wte.weight"], [
        "restored tie: 'onnx::MatMul_9' is the transpose of 'wte.weight'"]


def no_tie():
    """Equal contents alone are no reason."""
    made = cut_tie_without_names(np.zeros((6, 4), np.float32))[0]
    return made, {}, ["onnx::MatMul_9", "wte.weight"], [
        "warning: 'onnx::MatMul_9' is the transpose of 'wte.weight', but holds one number only, so that nothing shows "
        "whether the module ties them: not tied"]


def padding(row=1):
    """A row that PyTorch may keep without gradient, which no exporter but ours can say."""
    rows = table(9, 4)
    rows[row] = 0
    made = small.model([node("Gather", "w.weight ids", "e"), node("Add", "e x")], {"w.weight": rows, "ids": np.int64([0, 1])})
    return made, {}, ["w.weight"], [
        f"warning: row {row} of 'w.weight' is zero, as padding_idx leaves it in PyTorch; here it is trained like all others; "
        "python -m bitpipe.export keeps it without gradient"]


def padding_at_the_end():
    return padding(8)


def padding_of_our_export():
    made, options, trained, _ = padding()
    made.metadata_props.add(key=OWN, value=json.dumps(trained))
    return made, options, trained, []


def unnamed():
    """TorchScript's exporter does not say what it has computed."""
    made = small.model([node("MatMul", "x onnx::MatMul_9")], {"onnx::MatMul_9": table(4, 4)})
    made.producer_name = "pytorch"
    return made, {}, ["onnx::MatMul_9"], [
        "assumed: 'onnx::MatMul_9' is a parameter in another layout; whether the exporter has computed anything else ahead of "
        "training (2 * W, W + W^T) the file does not say; python -m bitpipe.export computes nothing ahead"]


def folded(name, values, sources="['p.weight']", operation="Add"):
    """A tensor that PyTorch's exporter has made of parameters."""
    return small.model([node(operation, f"x {name}")], {name: values}, marks=[(name, FOLDED, sources)])


def own_parameter():
    """--train makes a parameter even of what is computed from one."""
    return folded("exp_2", table(4)), {"train": "^exp_2$"}, ["exp_2"], [
        "trained under the file's name: 'exp_2', folded from 'p.weight'"]


def as_a_constant():
    return folded("exp_2", table(4)), {"freeze": "exp"}, [], [
        "trained under the file's name: 'exp_2', folded from 'p.weight'", "frozen: 1 parameters: 'exp_2'"]


def computed():
    return folded("exp_2", table(4)), {}, "'exp_2' is computed from 'p.weight' ('exp'), by the exporter and ahead of training"


def of_two():
    return folded("view", table(4, 4), "['p.weight', 'q.weight']"), {}, "'view' is computed from 'p.weight', 'q.weight'"


def of_one_twice():
    return folded("t", table(4, 4), "['p.weight', 'p.weight']"), {}, "'t' is computed from 'p.weight', 'p.weight'"


def rows_again():
    rows = np.stack([table(3, 4)[row] for row in (0, 1, 0, 2)])
    return folded("embedding_1", rows), {}, "'embedding_1' holds rows of 'p.weight' more than once"


def batches_of_one():
    return folded("view_3", np.stack([table(2, 4)] * 3)), {}, "'view_3' holds rows of 'p.weight' more than once"


def nearly_a_tie():
    head = table(4, 6)
    other = np.ascontiguousarray(head.T)
    other[5, 3] += 1
    nodes = [node("MatMul", "x up", "a"), node("MatMul", "a val_1")]
    made = small.model(nodes, {"up": head, "val_1": other},
                       marks=[("up", KIND, "PARAMETER"), ("val_1", FOLDED, "['up']")])
    return made, {}, "'val_1' holds the same numbers of 'up' as 'up'"


def a_part_twice():
    rows = table(4, 6)
    nodes = [node("MatMul", "x slice_1", "a"), node("MatMul", "a permute")]
    made = small.model(nodes, {"slice_1": rows, "permute": np.ascontiguousarray(rows[:3].T)},
                       marks=[("slice_1", FOLDED, "['p.weight']"), ("permute", FOLDED, "['p.weight']")])
    return made, {}, "'permute' holds the same numbers of 'p.weight' as 'slice_1'"


def a_row_twice():
    rows = table(9, 300)
    nodes = [node("MatMul", "x slice_1", "a"), node("MatMul", "x slice_2", "b"), node("Add", "a b")]
    made = small.model(nodes, {"slice_1": rows[:5], "slice_2": rows[4:]},
                       marks=[("slice_1", FOLDED, "['p.weight']"), ("slice_2", FOLDED, "['p.weight']")])
    return made, {}, "'slice_2' holds the same numbers of 'p.weight' as 'slice_1'"


def a_column_twice():
    columns = table(300, 5)
    nodes = [node("MatMul", "x slice_1", "a"), node("MatMul", "x slice_2", "b"), node("Add", "a b")]
    made = small.model(nodes, {"slice_1": np.ascontiguousarray(columns[:, :3].T), "slice_2": np.ascontiguousarray(columns[:, 2:].T)},
                       marks=[("slice_1", FOLDED, "['p.weight']"), ("slice_2", FOLDED, "['p.weight']")])
    return made, {}, "'slice_2' holds the same numbers of 'p.weight' as 'slice_1'"


def parts():
    """What a module reads in parts, no part twice, is trained in parts."""
    rows = (table(4, 800) * 10).round() / 16  # single numbers come again, as they do in types of 16 bits
    nodes = [node("MatMul", "x getitem", "a"), node("MatMul", "x getitem_1", "b"), node("Add", "a b")]
    made = small.model(nodes, {"getitem": np.ascontiguousarray(rows[:, :400]), "getitem_1": np.ascontiguousarray(rows[:, 400:])},
                       marks=[("getitem", FOLDED, "['p.weight']"), ("getitem_1", FOLDED, "['p.weight']")])
    return made, {}, ["getitem", "getitem_1"], [
        "trained under the file's name: 'getitem', folded from 'p.weight'",
        "trained under the file's name: 'getitem_1', folded from 'p.weight'"]


def unused():
    values = {"w": table(4, 3), "idle": table(4, 3)}
    return small.model([node("MatMul", "x w")], values), {}, ["w"], []


def unused_parameter():
    """It is a parameter of the module all the same, and saved."""
    values = {"w": table(4, 3), "idle": table(4, 3)}
    made = small.model([node("MatMul", "x w")], values, metadata=[(OWN, json.dumps(["w", "idle"]))])
    return made, {}, ["w"], ["not trained, nothing reads them: 'idle'"]


def compile_model(path, options, check=True):
    extra = "".join(f" {key}={value}" for key, value in options.items())
    return subprocess.run(["bitpipe-opt", f"--pipe-import-onnx=path={path}{extra}", "--pipe-onnx", "/dev/null"],
                          capture_output=True, text=True, check=check)


def parameters(text):
    """Name, whether it is trained, file and offset of every parameter."""
    for line in text.splitlines():
        words = line.split()
        if words and words[0] == "pipe.parameter":
            at = words.index("file") if "file" in words else None
            yield words[1][1:].strip('"'), "trainable" in words, at and words[at + 1].strip('"'), at and int(words[at + 3])


def check_places(text, values):
    """Every parameter points to its values."""
    for name, _, path, offset in parameters(text):
        if path is None or name not in values:
            continue
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
    assert (" frozen " in done.stdout) == any("frozen" in line or "nothing reads" in line for line in lines), done.stdout
    values = {i.name: onnx.numpy_helper.to_array(i) for i in made.graph.initializer}
    check_places(done.stdout, values)


def check_refused(case, folder):
    made, options, message = case()
    onnx.save(made, f"{folder}/model.onnx")
    done = compile_model(f"{folder}/model.onnx", options, check=False)
    assert done.returncode != 0 and message in done.stderr, (case.__name__, done.stderr)


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
    for case in (by_use, by_own_list, by_frozen_list, by_marks, by_options, through_moves, constant_nodes, merged, merged_matrix, separated,
                 by_alias, identities, cut_tie, cut_tie_without_names, no_tie, padding, padding_at_the_end, padding_of_our_export, unnamed,
                 own_parameter, as_a_constant, parts, unused, unused_parameter):
        with tempfile.TemporaryDirectory() as folder:
            check_case(case, folder)
    for case in computed, of_two, of_one_twice, rows_again, batches_of_one, nearly_a_tie, a_part_twice, a_row_twice, a_column_twice:
        with tempfile.TemporaryDirectory() as folder:
            check_refused(case, folder)
    with tempfile.TemporaryDirectory() as folder:
        check_forms(folder)


if __name__ == "__main__":
    sys.exit(main())
