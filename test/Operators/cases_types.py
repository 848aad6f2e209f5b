"""Operators that move or choose elements, on whole numbers and truth values; and operands of rank 0 from the data."""

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


def scalars(table):
    """One number per sample, in every operator that takes a tensor of rank 0."""
    x, p = np.float32(0.7), Values("scalar").real((3, 4), 0.2, 2)

    def one(kind, inputs, attributes=None, values=None, constants=None, outputs=("y",), what=""):
        values = {"x": x, "p": p, **(values or {})}
        known = {n: v for n, v in values.items() if n in inputs}
        name = f"{kind}-of-a-number{what}"
        table.one(name, kind, {"p": p, **known}, attributes, inputs, outputs, constants)
        # Once more where something is computed from it, so that a gradient flows through.
        inner = [("Add", ["x", "pq"], ["m"], {}), (kind, ["m" if i == "x" else i for i in inputs], list(outputs), attributes or {})]
        if "x" in inputs:
            table.add(name + "-computed", inner, {**known, "x": x, "pq": np.float32(0.2)}, constants=constants,
                      outputs=[o for o in outputs if o])

    for kind in ("Neg", "Abs", "Sqrt", "Exp", "Log", "Cos", "Sin", "Tanh", "Erf", "Reciprocal", "Sigmoid", "Relu", "Identity",
                 "Gelu", "Softplus", "Mish", "Elu", "Selu", "LeakyRelu", "HardSwish", "Softsign", "Sum", "Max", "Min"):
        one(kind, ["x"])
    for kind in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "Sum"):
        one(kind, ["x", "p"])
        one(kind, ["p", "x"], what="-second")
        one(kind, ["x", "xb"], values={"xb": np.float32(1.3)}, what="-both")
    for kind in ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp"):
        one(kind, ["x"], {"keepdims": 0})
        one(kind, ["x"], what="-kept")
    one("Where", ["t", "x", "p"], constants={"t": Values("t").ids((4,), 2).astype(bool)})
    one("Where", ["t", "p", "x"], constants={"t": np.bool_(False)}, what="-second")
    one("Clip", ["p", "x", "h"], constants={"h": np.float32(1.5)})
    one("Clip", ["x", "l", "h"], constants={"l": np.float32(0.1), "h": np.float32(1.5)}, what="-itself")
    one("Reshape", ["x", "s"], constants={"s": integers(1, -1)})
    one("Reshape", ["xb", "s"], values={"xb": np.float32([[0.4]])}, constants={"s": np.zeros(0, np.int64)}, what="-to")
    one("Unsqueeze", ["x", "a"], constants={"a": integers(0, 1)})
    one("Squeeze", ["xb", "a"], values={"xb": np.float32([[0.4]])}, constants={"a": integers(0, 1)}, what="-to")
    one("Expand", ["x", "s"], constants={"s": integers(2, 3)})
    one("Flatten", ["x"], {"axis": 0})
    one("Transpose", ["x"])
    one("Gather", ["p", "xi"], values={"xi": np.int64(2)}, what="-id")
    one("Gather", ["xb", "i"], values={"xb": np.float32([0.3, 0.4])}, constants={"i": np.int64(-1)}, what="-from")
    one("Einsum", ["x", "p"], {"equation": ",ab->b"})
    one("Gemm", ["p", "b", "x"], constants={"b": Values("b").real((4, 2))})
    one("Pad", ["p", "n", "x"], constants={"n": integers(0, 1, 2, 0)})
    one("Equal", ["xi", "i"], values={"xi": np.int64(2)}, constants={"i": integers(2, 3)})
    one("Less", ["x", "p"])
    one("Cast", ["xi"], {"to": 1}, values={"xi": np.int64(2)})


def cases():
    table = Table()
    scalars(table)
    for dtype in (np.int64, np.int32):
        draw = lambda name, shape, dtype=dtype: Values(name).ids(shape, 5, True).astype(dtype)
        same = [("Identity", ["x"], ["m"], {}), ("Identity", ["xb"], ["n"], {})]
        moved(table, str(np.dtype(dtype)), draw, same)
    truths = [("Greater", ["x", "h"], ["m"], {}), ("Less", ["xb", "h"], ["n"], {})]
    moved(table, "truth", lambda name, shape: Values(name).ids(shape, 5, True), truths)
    return table.cases
