"""Reductions, softmax and normalisations over every axis; gathers, running sums, triangles; constants by operators."""

import itertools

import numpy as np
import onnx

from values import Table, Values, integers, text

REDUCTIONS = ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd")


def reductions(table):
    shape = (2, 3, 4)
    for kind in REDUCTIONS:
        draw = lambda name, shape=shape: (
            Values(name).real(shape, 0.5, 1.5) if kind == "ReduceProd" else Values(name).distinct(shape, -2, 3)
        )
        lists = [[a] for a in range(-3, 3)] + [[0, 1], [1, 2], [0, 2], [2, 0], [-1, 0], [0, 1, 2]]
        for axes, keep in itertools.product(
            lists if kind in ("ReduceSum", "ReduceMax") else lists[1:2] + lists[4:5] + lists[7:10], (0, 1)
        ):
            name = f"{kind}-{axes}-{keep}"
            table.one(name, kind, {"p": draw(name)}, {"keepdims": keep}, constants={"a": integers(*axes)})
        table.one(f"{kind}-all", kind, {"p": draw(kind)}, {"keepdims": 0})
        table.one(f"{kind}-all-kept", kind, {"p": draw(kind)})
        table.one(f"{kind}-nothing", kind, {"p": draw(kind)}, {"noop_with_empty_axes": 1})
        table.one(
            f"{kind}-nothing-listed", kind, {"p": draw(kind)}, {"noop_with_empty_axes": 1}, constants={"a": integers()}
        )
        table.one(f"{kind}-empty-list", kind, {"p": draw(kind)}, constants={"a": integers()})
        for other in ((), (1,), (7,), (1, 1), (3, 1), (1, 19), (5, 33), (2, 1, 3, 1), (2, 2, 2, 2, 2)):
            name = f"{kind}-of-{text(other)}"
            axes = {"a": integers(-1)} if other else {}
            table.one(name, kind, {"p": draw(name, other)}, {"keepdims": 1}, constants=axes)
        if kind != "ReduceSum":
            table.one(f"{kind}-attribute", kind, {"p": draw(kind)}, {"axes": [-1, 0], "keepdims": 0}, opset=13)


def softmaxes(table):
    for shape in ((5,), (3, 7), (2, 3, 4), (2, 1, 3, 2), (1, 1), (2, 2, 2, 3, 2), (3, 1)):
        for axis in range(-len(shape), len(shape)):
            name = f"Softmax-{text(shape)}-{axis}"
            table.one(name, "Softmax", {"p": Values(name).real(shape)}, {"axis": axis})
    table.one("Softmax-default", "Softmax", {"p": Values("sd").real((3, 4))})
    v = Values("softmax")
    for factor in (0.5, -2.0, 0.0):
        table.add(
            f"Softmax-factor-{factor}",
            [("Mul", ["p", "c"], ["s"], {}), ("Softmax", ["s"], ["y"], {})],
            {"p": v.real((3, 4))},
            constants={"c": np.float32(factor)},
        )
    table.add(
        "Softmax-divided",
        [("Div", ["p", "c"], ["s"], {}), ("Softmax", ["s"], ["y"], {"axis": 1})],
        {"p": v.real((2, 3, 4))},
        constants={"c": np.float32(3)},
    )
    table.add(
        "Softmax-added-vector",
        [("Add", ["p", "c"], ["s"], {}), ("Softmax", ["s"], ["y"], {})],
        {"p": v.real((3, 4))},
        constants={"c": np.float32([0, -1e9, 0, -1e9])},
    )
    table.add(
        "Softmax-twice-used",
        [("Softmax", ["p"], ["s"], {}), ("Mul", ["s", "s"], ["t"], {}), ("Add", ["t", "p"], ["y"], {})],
        {"p": v.real((3, 4))},
    )
    table.add(
        "Softmax-guarded",
        [("Softmax", ["p"], ["s"], {}), ("IsNaN", ["s"], ["n"], {}), ("Where", ["n", "z", "s"], ["y"], {})],
        {"p": v.real((3, 4))},
        constants={"z": np.float32(0)},
    )


def normalizations(table):
    for shape in ((5,), (3, 8), (2, 3, 4), (2, 3, 2, 4), (2, 19)):
        for axis in range(-len(shape), len(shape)):
            name, rest = f"-{text(shape)}-{axis}", shape[axis:]
            v = Values(name)
            x, scale, bias = v.real(shape), v.real(rest), v.real(rest)
            table.one(
                "LayerNormalization" + name, "LayerNormalization", {"x": x, "p": scale, "pb": bias}, {"axis": axis}
            )
            table.one("LayerNormalization-unbiased" + name, "LayerNormalization", {"x": x, "p": scale}, {"axis": axis})
            table.one("RMSNormalization" + name, "RMSNormalization", {"x": x, "p": scale}, {"axis": axis}, opset=23)
    v = Values("norm")
    x, p, b = v.real((2, 3, 8)), v.real((8,)), v.real((8,))
    for epsilon in (1e-12, 1e-3, 0.5):
        table.one(
            f"LayerNormalization-epsilon-{epsilon}",
            "LayerNormalization",
            {"x": x, "p": p, "pb": b},
            {"epsilon": epsilon},
        )
        table.one(
            f"RMSNormalization-epsilon-{epsilon}", "RMSNormalization", {"x": x, "p": p}, {"epsilon": epsilon}, opset=23
        )
    table.one("LayerNormalization-default", "LayerNormalization", {"x": x, "p": p, "pb": b})
    table.one("LayerNormalization-constant", "LayerNormalization", {"p": x}, constants={"c": p, "d": b})
    table.add(
        "LayerNormalization-shared",
        [
            ("LayerNormalization", ["x", "p", "pb"], ["a"], {}),
            ("Tanh", ["a"], ["t"], {}),
            ("LayerNormalization", ["t", "p", "pb"], ["y"], {}),
        ],
        {"x": x, "p": p, "pb": b},
    )


def gathers(table):
    shape = (3, 4, 5)
    for axis, ids in itertools.product(range(-3, 3), ((), (1,), (4,), (2, 3), (1, 1))):
        name = f"Gather-{axis}-{text(ids)}"
        v = Values(name)
        table.one(name, "Gather", {"p": v.real(shape)}, {"axis": axis}, constants={"i": v.ids(ids, shape[axis], True)})
        table.one(name + "-data", "Gather", {"p": v.real(shape), "i": v.ids(ids, shape[axis])}, {"axis": axis})
    v = Values("gathers")
    table.one("Gather-default", "Gather", {"p": v.real((5, 3)), "i": v.ids((2, 2), 5)})
    table.one("Gather-int32", "Gather", {"p": v.real((5, 3)), "i": v.ids((4,), 5).astype(np.int32)})
    table.one("Gather-vector", "Gather", {"p": v.real((5,)), "i": v.ids((2, 3), 5)})
    table.one("Gather-repeats", "Gather", {"p": v.real((5, 3)), "i": integers(2, 2, 2, 0, 2)})
    table.add(
        "Gather-twice",
        [("Gather", ["p", "i"], ["a"], {}), ("Gather", ["p", "j"], ["b"], {}), ("Mul", ["a", "b"], ["y"], {})],
        {"p": v.real((5, 3)), "i": v.ids((4,), 5), "j": v.ids((4,), 5)},
    )
    table.add(
        "Gather-of-result",
        [("Tanh", ["p"], ["t"], {}), ("Gather", ["t", "i"], ["y"], {"axis": 1})],
        {"p": v.real((2, 5, 3)), "i": v.ids((4,), 5)},
    )
    for label, ids in (
        ("rows", [[0], [2], [2]]),
        ("cells", [[0, 1], [2, 3]]),
        ("deep", [[[0, 1, 2]], [[2, 0, 4]]]),
        ("negative", [[-1, -2], [0, 1]]),
        ("whole", [[i, j] for i in range(3) for j in range(4)]),
    ):
        table.one(f"GatherND-{label}", "GatherND", {"p": v.real(shape)}, constants={"i": np.array(ids, np.int64)})
    table.one(
        "GatherND-grid",
        "GatherND",
        {"p": v.real(shape)},
        constants={"i": np.array([[[i, j] for j in range(4)] for i in range(3)], np.int64)},
    )
    for axis in (0, 1, -1):
        nodes = [("GatherElements", ["c", "i"], ["g"], {"axis": axis}), ("Mul", ["g", "p"], ["y"], {})]
        table.add(
            f"GatherElements-constant-{axis}",
            nodes,
            {"p": v.real((2, 3))},
            constants={"c": v.real((3, 4)), "i": v.ids((2, 3), 3, True)},
        )


def sums(table):
    for axis, exclusive, reverse in itertools.product(range(-3, 3), (0, 1), (0, 1)):
        name = f"CumSum-{axis}-{exclusive}-{reverse}"
        table.one(
            name,
            "CumSum",
            {"p": Values(name).real((2, 3, 4))},
            {"exclusive": exclusive, "reverse": reverse},
            constants={"a": np.int64(axis)},
        )
    v = Values("triangles")
    for upper, k in itertools.product((0, 1), (None, -1, 0, 2)):
        constants = {"c": v.real((2, 3, 4))} | ({} if k is None else {"k": np.int64(k)})
        nodes = [("Trilu", list(constants), ["t"], {"upper": upper}), ("Mul", ["t", "p"], ["y"], {})]
        table.add(f"Trilu-constant-{upper}-{k}", nodes, {"p": v.real((3, 4))}, constants=constants)


def constants(table):
    v = Values("constants")
    p = {"p": v.real((2, 3))}
    number = lambda value: onnx.numpy_helper.from_array(np.asarray(value))
    for name, attribute, value in (
        ("tensor", "value", number(v.real((3,)))),
        ("float", "value_float", 1.5),
        ("floats", "value_floats", [1.0, 2.0, 3.0]),
        ("number", "value", number(np.float32(2))),
    ):
        table.add(f"Constant-{name}", [("Constant", [], ["c"], {attribute: value}), ("Mul", ["p", "c"], ["y"], {})], p)
    for name, attribute, value in (("int", "value_int", 1), ("ints", "value_ints", [1, 0])):
        table.add(
            f"Constant-{name}", [("Constant", [], ["c"], {attribute: value}), ("Gather", ["p", "c"], ["y"], {})], p
        )
    for bounds in ({}, {"start": 1}, {"end": 1}, {"start": -1}, {"start": 0, "end": -1}):
        nodes = [
            ("Shape", ["p"], ["s"], bounds),
            ("Cast", ["s"], ["f"], {"to": 1}),
            ("ReduceSum", ["f"], ["n"], {"keepdims": 0}),
            ("Mul", ["p", "n"], ["y"], {}),
        ]
        table.add(f"Shape-{'-'.join(f'{k}{n}' for k, n in bounds.items())}", nodes, p)
    table.add(
        "Size", [("Size", ["p"], ["s"], {}), ("Cast", ["s"], ["f"], {"to": 1}), ("Mul", ["p", "f"], ["y"], {})], p
    )
    table.add(
        "ConstantOfShape",
        [("ConstantOfShape", ["s"], ["c"], {"value": number(np.float32([1.5]))}), ("Mul", ["p", "c"], ["y"], {})],
        p,
        constants={"s": integers(2, 3)},
    )
    table.add(
        "ConstantOfShape-zero",
        [("ConstantOfShape", ["s"], ["c"], {}), ("Add", ["p", "c"], ["y"], {})],
        p,
        constants={"s": integers(4, 1, 3)},
    )
    table.add(
        "Range",
        [("Range", ["a", "b", "c"], ["r"], {}), ("Mul", ["p", "r"], ["y"], {})],
        p,
        constants={"a": np.float32(1), "b": np.float32(2.3), "c": np.float32(0.5)},
    )
    table.add(
        "Range-down",
        [("Range", ["a", "b", "c"], ["r"], {}), ("Gather", ["p", "r"], ["y"], {"axis": 1})],
        p,
        constants={"a": np.int64(2), "b": np.int64(-1), "c": np.int64(-1)},
    )
    nodes = [
        ("Shape", ["p"], ["s"], {}),
        ("Gather", ["s", "one"], ["n"], {}),
        ("Range", ["zero", "n", "one"], ["r"], {}),
        ("Cast", ["r"], ["f"], {"to": 1}),
        ("Mul", ["p", "f"], ["y"], {}),
    ]
    table.add("Range-of-shape", nodes, p, constants={"zero": np.int64(0), "one": np.int64(1)})


def cases():
    table = Table()
    for add in (reductions, softmaxes, normalizations, gathers, sums, constants):
        add(table)
    return table.cases
