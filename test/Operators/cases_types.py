"""Operators that move or choose elements, on whole numbers and truth values."""

import numpy as np

from values import Table, Values, integers


def moved(table, label, draw, before):
    """One case per operator; `before`: nodes that make m and n of the element type from the data x and xb."""
    number = {"s": integers(4, 3)}

    def one(kind, nodes, constants=None, outputs=None):
        table.add(
            f"{kind}-{label}",
            before + nodes,
            {"x": draw(kind, (3, 4)), "xb": draw(kind + "b", (3, 4))},
            constants={"h": np.int64(0), **(constants or {})},
            outputs=outputs,
        )

    one("Reshape", [("Reshape", ["m", "s"], ["y"], {})], number)
    one("Transpose", [("Transpose", ["m"], ["y"], {})])
    one("Concat", [("Concat", ["m", "n", "m"], ["y"], {"axis": 1})])
    one("Split", [("Split", ["m", "s"], ["a", "b"], {"axis": 1})], {"s": integers(1, 3)}, ["a", "b"])
    one("Slice", [("Slice", ["m", "s", "e", "a"], ["y"], {})], {"s": integers(1), "e": integers(3), "a": integers(1)})
    one("Expand", [("Expand", ["m", "s"], ["y"], {})], {"s": integers(2, 3, 4)})
    one("Unsqueeze", [("Unsqueeze", ["m", "a"], ["y"], {})], {"a": integers(1)})
    one("Flatten", [("Flatten", ["m"], ["y"], {"axis": 0})])
    one("Identity", [("Identity", ["m"], ["y"], {})])
    one("Gather", [("Gather", ["m", "i"], ["y"], {"axis": 1})], {"i": integers(2, 0, 2)})
    one("Gather-one", [("Gather", ["m", "i"], ["y"], {"axis": 0})], {"i": np.int64(-1)})
    one("Gather-rows", [("Gather", ["m", "i"], ["y"], {})], {"i": integers(2, 0)})
    one("GatherND", [("GatherND", ["m", "i"], ["y"], {})], {"i": np.int64([[0, 1], [2, 3]])})
    one("Equal", [("Equal", ["m", "n"], ["y"], {})])
    one("Where", [("Greater", ["x", "xb"], ["t"], {}), ("Where", ["t", "m", "n"], ["y"], {})])
    one("Where-constant", [("Where", ["t", "m", "n"], ["y"], {})], {"t": Values("t").ids((4,), 2).astype(bool)})
    steps = [
        ("Transpose", ["m"], ["a"], {"perm": [1, 0]}),
        ("Reshape", ["a", "s"], ["b"], {}),
        ("Concat", ["b", "n"], ["c"], {"axis": 0}),
        ("Cast", ["c"], ["f"], {"to": 1}),
        ("Mul", ["f", "f"], ["y"], {}),
    ]
    one("several", steps, {"s": integers(3, 4)})


def cases():
    table = Table()
    for dtype in (np.int64, np.int32):
        draw = lambda name, shape, dtype=dtype: Values(name).ids(shape, 5, True).astype(dtype)
        same = [("Identity", ["x"], ["m"], {}), ("Identity", ["xb"], ["n"], {})]
        moved(table, str(np.dtype(dtype)), draw, same)
    truths = [("Greater", ["x", "h"], ["m"], {}), ("Less", ["xb", "h"], ["n"], {})]
    moved(table, "truth", lambda name, shape: Values(name).ids(shape, 5, True), truths)
    return table.cases
