"""Functions of one number at a time: every broadcast, constants on either side, one value twice, casts, integers."""

import numpy as np

from values import Table, Values, integers, text

UNARY = {  # where the function is smooth
    "Neg": (-2, 2, ()),
    "Abs": (-2, 2, (0,)),
    "Sqrt": (0.1, 3, ()),
    "Exp": (-3, 3, ()),
    "Log": (0.1, 4, ()),
    "Cos": (-3, 3, ()),
    "Sin": (-3, 3, ()),
    "Tanh": (-3, 3, ()),
    "Erf": (-2, 2, ()),
    "Reciprocal": (-2, 2, (0,)),
    "Sigmoid": (-6, 6, ()),
    "Relu": (-2, 2, (0,)),
    "Identity": (-2, 2, ()),
    "Gelu": (-3, 3, ()),
    "Floor": (-3, 3, range(-3, 4)),
    "Ceil": (-3, 3, range(-3, 4)),
}
SHAPES = [(), (1,), (17,), (3, 5), (2, 3, 4), (2, 1, 3, 2), (2, 2, 1, 3, 2), (1, 1, 1, 1, 1)]
BROADCASTS = [
    ((), ()),
    ((4,), ()),
    ((1,), (4,)),
    ((3, 4), (4,)),
    ((3, 4), (1, 4)),
    ((3, 4), (3, 1)),
    ((3, 1), (1, 4)),
    ((3, 1), (4,)),
    ((3, 4), ()),
    ((3, 4), (1, 1)),
    ((2, 3, 4), (3, 1)),
    ((2, 3, 4), (1, 3, 1)),
    ((2, 1, 4), (3, 1)),
    ((2, 3, 4), (2, 1, 1)),
    ((1, 1), (2, 3, 4)),
    ((2, 3, 4), (2, 1, 4)),
    ((2, 3, 4), (2, 3, 4)),
    ((2, 1, 3, 1), (4, 1, 5)),
    ((2, 3, 1, 2, 2), (1, 3, 2, 1, 2)),
    ((1, 1, 1), (1,)),
    ((1,), ()),
    ((5, 19), (19,)),
    ((5, 19), (5, 1)),
]
SOME = BROADCASTS[1:4] + BROADCASTS[5:7] + BROADCASTS[12:13] + BROADCASTS[16:18]
COMPARISONS = ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"]


def operands(kind, v, a, b):
    """Two operands at which a function of two is smooth."""
    if kind == "Pow":
        return v.real(a, 0.3, 2), v.real(b)
    first = v.real(a)
    if kind == "Div":
        return first, v.away(b, gap=0.4)
    return first, v.apart(b, first)


def unary(table):
    for kind, (low, high, kinks) in UNARY.items():
        for shape in SHAPES if kind in ("Tanh", "Relu", "Identity") else [(3, 5), (2, 19)]:
            name = f"{kind}-{text(shape)}"
            table.one(name, kind, {"p": Values(name).away(shape, low, high, kinks)})
    for approximate in ("none", "tanh"):
        table.one(f"Gelu-{approximate}", "Gelu", {"p": Values("g").real((3, 7), -4, 4)}, {"approximate": approximate})
    table.one("IsNaN", "IsNaN", {"p": Values("n").real((2, 3))})
    for negative, positive in ((1, 1), (0, 1), (1, 0)):
        nodes = [
            ("Div", ["p", "z"], ["d"], {}),
            ("IsInf", ["d"], ["y"], {"detect_negative": negative, "detect_positive": positive}),
        ]
        table.add(
            f"IsInf-{negative}{positive}",
            nodes,
            {"p": np.float32([[-1, 1, 2], [3, -4, 5]])},
            constants={"z": np.float32([[0, 0, 1], [0, 0, 1]])},
        )
    table.add(
        "Not",
        [("Less", ["p", "q"], ["l"], {}), ("Not", ["l"], ["y"], {})],
        {"p": Values("not").real((2, 9))},
        constants={"q": np.float32(0.3)},
    )
    for inputs, outputs in ((["p"], ["y"]), (["p", "r"], ["y"]), (["p", "r", "t"], ["y", "m"])):
        table.one(
            f"Dropout-{len(inputs)}",
            "Dropout",
            {"p": Values("d").real((2, 5))},
            inputs=inputs,
            outputs=outputs,
            constants={"r": np.float32(0.5), "t": np.bool_(False)},
        )


def binary(table):
    for kind in ("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min"):
        for a, b in BROADCASTS if kind in ("Add", "Mul", "Div") else SOME:
            name = f"{kind}-{text(a)}-{text(b)}"
            x, p = operands(kind, Values(name), a, b)
            table.one(name, kind, {"x": x, "p": p})
            if a != b:  # and the other way round
                name = f"{kind}-{text(b)}-{text(a)}"
                x, p = operands(kind, Values(name), b, a)
                table.one(name, kind, {"p": x, "x": p})
        for shape in ((), (1,), (1, 1), (4,), (3, 4), (1, 3, 1)):
            for first in (True, False):
                name = f"{kind}-constant-{text(shape)}-{'first' if first else 'second'}"
                c, p = (
                    operands(kind, Values(name), shape, (3, 4))
                    if first
                    else operands(kind, Values(name), (3, 4), shape)[::-1]
                )
                table.one(name, kind, {"p": p}, inputs=["c", "p"] if first else ["p", "c"], constants={"c": c})
        if kind not in ("Max", "Min"):
            table.one(f"{kind}-itself", kind, {"p": Values(kind).real((3, 5), 0.4, 2)}, inputs=["p", "p"])
    for exponent in (0.0, 1.0, 2.0, 3.0, 8.0, -1.0, -3.0, 0.5, 1.5, -0.5):
        name = f"Pow-{exponent}"
        low = 0.3 if exponent % 1 else -2
        table.one(name, "Pow", {"p": Values(name).away((3, 5), low, 2, gap=0.3)}, constants={"e": np.float32(exponent)})
    table.one("Pow-integer-exponent", "Pow", {"p": Values("pi").real((3, 5))}, constants={"e": np.int64(3)})
    table.one(
        "Pow-exponents", "Pow", {"p": Values("pe").real((3, 4), 0.3, 2)}, constants={"e": np.float32([1, 2, 0.5, -1])}
    )


def variadic(table):
    for kind in ("Max", "Min"):
        v = Values(kind)
        grid = v.distinct((4, 24))
        a, b, c, d = grid[0].reshape(2, 3, 4), grid[1][:12].reshape(3, 4), grid[2][:3].reshape(3, 1), grid[3][:4]
        for count in range(1, 5):
            values = dict(zip(("p", "x", "pq", "pr"), (a, b, c, d)[:count]))
            table.one(f"{kind}-of-{count}", kind, values)
            table.one(f"{kind}-of-{count}-reversed", kind, values, inputs=list(values)[::-1])


def choices(table):
    for shapes in (
        ((3, 4),) * 3,
        ((3, 1), (3, 4), (4,)),
        ((4,), (3, 1), ()),
        ((2, 1, 4), (3, 1), (2, 1, 1)),
        ((), (2,), (2,)),
        ((1, 1), (2, 3), (1,)),
        ((2, 3), (), ()),
    ):
        name = "Where-" + "-".join(map(text, shapes))
        v = Values(name)
        nodes = [("Greater", ["c", "h"], ["t"], {}), ("Where", ["t", "p", "pq"], ["y"], {})]
        table.add(
            name,
            nodes,
            {"c": v.ids(shapes[0], 4), "p": v.real(shapes[1]), "pq": v.real(shapes[2])},
            constants={"h": integers(1)},
        )
        table.one(
            name + "-constant",
            "Where",
            {"p": v.real(shapes[1]), "x": v.real(shapes[2])},
            inputs=["t", "p", "x"],
            constants={"t": v.ids(shapes[0], 2).astype(bool)},
        )
    v = Values("where")
    truth = v.ids((3, 4), 2).astype(bool)
    table.one("Where-same", "Where", {"p": v.real((3, 4))}, inputs=["t", "p", "p"], constants={"t": truth})
    for first in (True, False):
        table.one(
            f"Where-number-{'first' if first else 'second'}",
            "Where",
            {"p": v.real((3, 4))},
            inputs=["t", "n", "p"] if first else ["t", "p", "n"],
            constants={"t": truth, "n": np.float32(-3)},
        )
    table.add(
        "Where-of-floats",
        [("Less", ["p", "x"], ["t"], {}), ("Where", ["t", "p", "x"], ["y"], {})],
        {"p": v.real((3, 4)), "x": v.real((4,))},
    )


def truths(table):
    for kind in COMPARISONS:
        for a, b in SOME:
            name = f"{kind}-{text(a)}-{text(b)}"
            v = Values(name)
            table.one(name, kind, {"x": v.ids(a, 3), "xb": v.ids(b, 3)})
        name = f"{kind}-floats"
        table.one(name, kind, {"x": Values(name).ids((3, 5), 3).astype(np.float32), "p": np.float32([0, 1, 2, 3, 1])})
    for kind in ("And", "Or", "Xor"):
        for a, b in SOME:
            v = Values(kind + text(a) + text(b))
            nodes = [
                ("Greater", ["x", "h"], ["s"], {}),
                ("Less", ["xb", "h"], ["t"], {}),
                (kind, ["s", "t"], ["y"], {}),
            ]
            table.add(
                f"{kind}-{text(a)}-{text(b)}",
                nodes,
                {"x": v.ids(a, 3), "xb": v.ids(b, 3)},
                constants={"h": integers(1)},
            )
    table.add(
        "Equal-truths",
        [("Greater", ["x", "h"], ["s"], {}), ("Less", ["xb", "h"], ["t"], {}), ("Equal", ["s", "t"], ["y"], {})],
        {"x": Values("e").ids((3, 5), 3), "xb": Values("f").ids((5,), 3)},
        constants={"h": integers(1)},
    )


def casts(table):
    v = Values("casts")
    for to, name in ((7, "int64"), (6, "int32"), (9, "bool")):
        table.one(f"Cast-float-{name}", "Cast", {"p": v.away((3, 5), -4, 4, range(-4, 5))}, {"to": to})
        table.one(f"Cast-int64-{name}", "Cast", {"x": v.ids((3, 5), 4, True)}, {"to": to})
        nodes = [("Cast", ["p"], ["i"], {"to": to}), ("Cast", ["i"], ["f"], {"to": 1}), ("Mul", ["f", "p"], ["y"], {})]
        table.add(f"Cast-float-{name}-back", nodes, {"p": v.away((3, 5), -4, 4, range(-4, 5))})
    table.one("Cast-int64-float", "Cast", {"x": v.ids((3, 5), 1000, True)}, {"to": 1})
    table.one("Cast-int32-float", "Cast", {"x": v.ids((3, 5), 1000, True).astype(np.int32)}, {"to": 1})
    table.one("Cast-float-float", "Cast", {"p": v.real((3, 5))}, {"to": 1})
    for like in (np.float32(1), np.int64(1), np.int32(1), np.bool_(True)):
        table.one(
            f"CastLike-{like.dtype}", "CastLike", {"p": v.away((3, 5), -4, 4, range(-4, 5))}, constants={"l": like}
        )
    table.one("CastLike-values", "CastLike", {"x": v.ids((3, 5), 9), "p": v.real((2,))})


def whole_numbers(table):
    v = Values("whole")
    for dtype in (np.int64, np.int32):
        for kind in ("Add", "Sub", "Mul", "Div", "Max", "Min"):
            for a, b in SOME[:6]:
                divisor = v.ids(b, 3, True) * 2 + 1
                table.one(
                    f"{kind}-{np.dtype(dtype)}-{text(a)}-{text(b)}",
                    kind,
                    {"x": v.ids(a, 9, True).astype(dtype), "xb": divisor.astype(dtype)},
                )
        for a, b in SOME[:6]:
            table.one(
                f"Mod-{np.dtype(dtype)}-{text(a)}-{text(b)}",
                "Mod",
                {"x": v.ids(a, 9, True).astype(dtype), "xb": (v.ids(b, 3, True) * 2 + 1).astype(dtype)},
            )
        for fmod in (0, 1):
            table.one(
                f"Mod-{np.dtype(dtype)}-fmod-{fmod}",
                "Mod",
                {"x": v.ids((3, 5), 9, True).astype(dtype)},
                {"fmod": fmod},
                constants={"m": np.array(-3, dtype)},
            )
        for kind in ("Neg", "Abs"):
            table.one(f"{kind}-{np.dtype(dtype)}", kind, {"x": v.ids((3, 5), 9, True).astype(dtype)})


def cases():
    table = Table()
    for add in (unary, binary, variadic, choices, truths, casts, whole_numbers):
        add(table)
    return table.cases
