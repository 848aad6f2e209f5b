"""Operators that move elements: every axis, permutations, ranges, parts of which not all are used, sequences."""

import itertools

import numpy as np

from values import Table, Values, integers, text


def reshapes(table):
    for a, given, b in (
        ((), [1], (1,)),
        ((1,), [], ()),
        ((6,), [2, 3], (2, 3)),
        ((2, 3, 4), [-1], 0),
        ((2, 3, 4), [0, -1], 0),
        ((2, 3, 4), [0, 0, 2, 2], 0),
        ((2, 3, 4), [4, 3, 2], 0),
        ((2, 3, 4), [6, 4], 0),
        ((2, 3, 4), [3, -1, 2], 0),
        ((1, 2, 1, 3), [2, 3], 0),
        ((2, 3), [1, 2, 1, 3, 1], 0),
        ((4, 6), [2, 2, 3, 2], 0),
        ((2, 2, 3, 2), [4, 6], 0),
        ((1, 1), [1, 1, 1], 0),
    ):
        name = f"Reshape-{text(a)}-to-{text(given)}"
        table.one(name, "Reshape", {"p": Values(name).real(a)}, constants={"s": integers(*given)})
    table.one(
        "Reshape-allowzero",
        "Reshape",
        {"p": Values("z").real((2, 3))},
        {"allowzero": 1},
        constants={"s": integers(3, 2)},
    )
    for rank in range(0, 4):
        for axis in range(-rank - 1, rank + 1):
            name = f"Unsqueeze-{rank}-{axis}"
            table.one(name, "Unsqueeze", {"p": Values(name).real((2, 3, 4)[:rank])}, constants={"a": integers(axis)})
    table.one("Unsqueeze-several", "Unsqueeze", {"p": Values("u").real((2, 3))}, constants={"a": integers(0, -1, 2)})
    table.one("Unsqueeze-unsorted", "Unsqueeze", {"p": Values("u").real((2, 3))}, constants={"a": integers(3, 0)})
    for axes in ([0], [2], [-1], [-3], [0, 2], [2, 0], [-1, 0], None):
        name = f"Squeeze-{axes}"
        constants = {} if axes is None else {"a": integers(*axes)}
        shape = (1, 3, 1) if axes in ([2], [-1], [0], [-3]) else (1, 3, 1)
        table.one(name, "Squeeze", {"p": Values(name).real(shape)}, constants=constants)
    for axis in range(-3, 4):
        name = f"Flatten-{axis}"
        table.one(name, "Flatten", {"p": Values(name).real((2, 3, 4))}, {"axis": axis})
    table.one("Flatten-default", "Flatten", {"p": Values("f").real((2, 3, 4, 2))})
    table.one("Flatten-vector", "Flatten", {"p": Values("f").real((5,))}, {"axis": 0})


def transposes(table):
    for rank in range(0, 5):
        for perm in itertools.permutations(range(rank)):
            if rank == 4 and perm[0] != 0 and perm[1] != 0 and perm[3] != 3:
                continue
            name = f"Transpose-{text(perm)}"
            table.one(
                name, "Transpose", {"p": Values(name).real((2, 3, 4, 5)[:rank])}, {"perm": list(perm)} if rank else {}
            )
    for shape in ((4,), (3, 5), (2, 3, 4), (2, 3, 2, 2, 3), (1, 1, 3)):
        table.one(f"Transpose-default-{text(shape)}", "Transpose", {"p": Values(text(shape)).real(shape)})
    table.one("Transpose-five", "Transpose", {"p": Values("t").real((2, 3, 2, 3, 2))}, {"perm": [4, 1, 3, 0, 2]})
    for a, b in itertools.product(((0, 2, 1), (1, 0, 2), (2, 0, 1), (1, 2, 0)), repeat=2):
        nodes = [
            ("Transpose", ["p"], ["t"], {"perm": list(a)}),
            ("Tanh", ["t"], ["u"], {}),
            ("Transpose", ["u"], ["y"], {"perm": list(b)}),
        ]
        table.add(f"Transpose-twice-{text(a)}-{text(b)}", nodes, {"p": Values("tt").real((2, 3, 4))})
    nodes = [
        ("Transpose", ["p"], ["t"], {"perm": [1, 0]}),
        ("Reshape", ["t", "s"], ["r"], {}),
        ("Add", ["r", "p"], ["y"], {}),
    ]
    table.add("Transpose-reshape-add", nodes, {"p": Values("tr").real((3, 4))}, constants={"s": integers(3, 4)})
    nodes = [
        ("Reshape", ["p", "s"], ["r"], {}),
        ("Transpose", ["r"], ["t"], {"perm": [0, 2, 1, 3]}),
        ("Reshape", ["t", "u"], ["y"], {}),
    ]
    table.add(
        "Transpose-heads",
        nodes,
        {"p": Values("th").real((2, 3, 8))},
        constants={"s": integers(0, 0, 2, 4), "u": integers(2, 2, -1)},
    )


def expands(table):
    for a, b in (
        ((), (3,)),
        ((1,), (3,)),
        ((3, 1), (3, 4)),
        ((3, 1), (2, 1, 4)),
        ((1, 4), (3, 1)),
        ((2, 3), (1,)),
        ((3,), (2, 1, 1)),
        ((1, 1, 1), (2, 3, 4)),
        ((2, 1, 3, 1), (1, 4, 1, 5)),
        ((2, 3), (2, 3)),
    ):
        name = f"Expand-{text(a)}-{text(b)}"
        table.one(name, "Expand", {"p": Values(name).real(a)}, constants={"s": integers(*b)})


def concats(table):
    shape = (2, 3, 4)
    for axis in range(-3, 3):
        for count in (1, 2, 4):
            name, parts = f"Concat-{axis}-{count}", {}
            for i, label in enumerate(("p", "x", "pq", "xr")[:count]):
                own = [1 + i if d == axis % 3 else n for d, n in enumerate(shape)]
                parts[label] = Values(name + label).real(own)
            table.one(name, "Concat", parts, {"axis": axis})
    table.one("Concat-itself", "Concat", {"p": Values("ci").real((2, 3))}, {"axis": 1}, inputs=["p", "p", "p"])
    table.one(
        "Concat-constant",
        "Concat",
        {"p": Values("cc").real((2, 3))},
        {"axis": 0},
        inputs=["c", "p", "c"],
        constants={"c": Values("c").real((1, 3))},
    )
    table.one("Concat-vectors", "Concat", {"p": Values("cv").real((2,)), "x": Values("cw").real((1,))}, {"axis": 0})
    nodes = [
        ("Tanh", ["p"], ["t"], {}),
        ("Concat", ["t", "p", "t"], ["c"], {"axis": -1}),
        ("Mul", ["c", "c"], ["y"], {}),
    ]
    table.add("Concat-results", nodes, {"p": Values("cr").real((2, 3))})


def splits(table):
    for axis in range(-3, 3):
        v = Values(f"split{axis}")
        p = v.real((6, 6, 6))
        table.one(
            f"Split-sizes-{axis}",
            "Split",
            {"p": p},
            {"axis": axis},
            outputs=("a", "b", "c"),
            constants={"s": integers(3, 1, 2)},
        )
        table.one(f"Split-count-{axis}", "Split", {"p": p}, {"axis": axis, "num_outputs": 3}, outputs=("a", "b", "c"))
        nodes = [("Split", ["p", "s"], ["a", "b", "c"], {"axis": axis}), ("Sigmoid", ["b"], ["y"], {})]
        table.add(f"Split-one-used-{axis}", nodes, {"p": p}, constants={"s": integers(1, 3, 2)})
    table.one("Split-uneven", "Split", {"p": Values("su").real((7, 2))}, {"num_outputs": 3}, outputs=("a", "b", "c"))
    table.one("Split-halves-13", "Split", {"p": Values("s13").real((4, 3))}, outputs=("a", "b"), opset=13)
    nodes = [
        ("Split", ["p"], ["a", "b"], {"axis": -1, "num_outputs": 2}),
        ("Sigmoid", ["a"], ["g"], {}),
        ("Mul", ["g", "b"], ["y"], {}),
    ]
    table.add("Split-gate", nodes, {"p": Values("sg").real((3, 8))})
    nodes = [
        ("Split", ["p"], ["a", "b"], {"axis": -1, "num_outputs": 2}),
        ("Neg", ["b"], ["n"], {}),
        ("Concat", ["n", "a"], ["r"], {"axis": -1}),
        ("Add", ["r", "p"], ["y"], {}),
    ]
    table.add("Split-rotate-half", nodes, {"p": Values("sr").real((2, 3, 8))})


def slices(table):
    far = np.iinfo(np.int64).max
    for label, starts, ends, axes, steps in (
        ("head", [0], [2], [0], None),
        ("tail", [-2], [far], [1], None),
        ("all", [0], [far], [2], None),
        ("middle", [1, 2], [3, -1], [1, 2], None),
        ("no-axes", [1, 0, 1], [3, 2, 5], None, None),
        ("steps", [0, 1], [far, far], [1, 2], [2, 3]),
        ("negative-axes", [1], [4], [-1], [2]),
        ("far", [-100], [100], [0], [1]),
        ("one", [2], [3], [2], [1]),
        ("odd-step", [1], [6], [2], [4]),
        ("axis-order", [1, 0], [3, 1], [2, 0], [1, 1]),
    ):
        constants = {"s": integers(*starts), "e": integers(*ends)}
        inputs = ["p", "s", "e"]
        if axes is not None:
            constants["a"] = integers(*axes)
            inputs.append("a")
        if steps is not None:
            constants["t"] = integers(*steps)
            inputs.append("t")
        table.one(f"Slice-{label}", "Slice", {"p": Values(label).real((3, 4, 6))}, inputs=inputs, constants=constants)
    nodes = [
        ("Slice", ["p", "zero", "two", "one"], ["a"], {}),
        ("Slice", ["p", "one", "four", "one"], ["b"], {}),
        ("Concat", ["b", "a"], ["c"], {"axis": 1}),
        ("Mul", ["c", "c"], ["y"], {}),
    ]
    table.add(
        "Slice-overlapping",
        nodes,
        {"p": Values("so").real((2, 5))},
        constants={"zero": integers(0), "one": integers(1), "two": integers(2), "four": integers(4)},
    )
    nodes = [
        ("Slice", ["p", "one", "far", "one"], ["a"], {}),
        ("Slice", ["p", "zero", "minus", "one"], ["b"], {}),
        ("Sub", ["a", "b"], ["y"], {}),
    ]
    table.add(
        "Slice-differences",
        nodes,
        {"p": Values("sd").real((3, 6))},
        constants={"zero": integers(0), "one": integers(1), "minus": integers(-1), "far": integers(far)},
    )


def sequences(table):
    v = Values("sequences")
    at = [
        ("SequenceAt", ["q", "i"], ["a"], {}),
        ("SequenceAt", ["q", "j"], ["b"], {}),
        ("Concat", ["b", "a"], ["y"], {"axis": 0}),
    ]
    picks = {"i": np.int64(0), "j": np.int64(-1)}
    for axis in (0, 1, -1):
        for label, sizes in (("each", None), ("size", np.int64(2)), ("sizes", integers(1, 3))):
            inputs = ["p"] + (["s"] if sizes is not None else [])
            nodes = [
                ("SplitToSequence", inputs, ["q"], {"axis": axis}),
                ("SequenceAt", ["q", "i"], ["a"], {}),
                ("SequenceAt", ["q", "j"], ["b"], {}),
                ("Concat", ["b", "a"], ["y"], {"axis": axis}),
            ]
            table.add(
                f"SplitToSequence-{axis}-{label}",
                nodes,
                {"p": v.real((4, 4))},
                constants={**picks, **({"s": sizes} if sizes is not None else {})},
            )
    table.add(
        "SplitToSequence-squeezed",
        [("SplitToSequence", ["p"], ["q"], {"axis": 1, "keepdims": 0}), *at],
        {"p": v.real((2, 3))},
        constants=picks,
    )
    construct = [("SequenceConstruct", ["p", "x", "pq"], ["q"], {})]
    values = {"p": v.real((2, 3)), "x": v.real((2, 3)), "pq": v.real((2, 3))}
    table.add("SequenceConstruct-SequenceAt", construct + at, values, constants=picks)
    for axis in (0, 1, -1):
        table.add(
            f"ConcatFromSequence-{axis}", construct + [("ConcatFromSequence", ["q"], ["y"], {"axis": axis})], values
        )
    table.add(
        "SequenceLength",
        construct
        + [("SequenceLength", ["q"], ["n"], {}), ("Cast", ["n"], ["f"], {"to": 1}), ("Mul", ["p", "f"], ["y"], {})],
        values,
    )


def cases():
    table = Table()
    for add in (reshapes, transposes, expands, concats, splits, slices, sequences):
        add(table)
    return table.cases
