"""Matrix products: ranks, broadcast batches, transposed and shared operands, biases and residuals; attention."""

import itertools

import numpy as np

from values import Table, Values, integers, text

MATMULS = [
    ((4,), (4,)),
    ((4,), (4, 5)),
    ((3, 4), (4,)),
    ((3, 4), (4, 5)),
    ((2, 3, 4), (4, 5)),
    ((3, 4), (2, 4, 5)),
    ((2, 3, 4), (2, 4, 5)),
    ((2, 3, 4), (4,)),
    ((4,), (2, 4, 5)),
    ((1, 3, 4), (2, 4, 5)),
    ((2, 3, 4), (1, 4, 5)),
    ((2, 1, 3, 4), (5, 4, 6)),
    ((2, 5, 3, 4), (5, 4, 6)),
    ((2, 5, 3, 4), (2, 1, 4, 6)),
    ((2, 5, 3, 4), (2, 5, 4, 6)),
    ((2, 1, 3, 4), (1, 5, 4, 6)),
    ((2, 2, 2, 3, 4), (2, 1, 4, 2)),
    ((2, 2, 3, 4), (4, 6)),
    ((1, 1), (1, 1)),
    ((1, 4), (4, 1)),
    ((3, 1), (1, 5)),
    ((1, 3, 4), (4, 5)),
    ((1, 1, 4), (1, 4, 5)),
    ((2, 3, 1), (2, 1, 5)),
    ((2, 1, 4), (2, 4, 1)),
    ((3, 17), (17, 19)),
]


def matmuls(table):
    for a, b in MATMULS:
        name = f"MatMul-{text(a)}-{text(b)}"
        v = Values(name)
        table.one(name, "MatMul", {"x": v.real(a), "p": v.real(b)})
        table.one(name + "-swapped", "MatMul", {"p": v.real(a), "x": v.real(b)})
    for constant, (a, b) in itertools.product((0, 1), (((3, 4), (4, 5)), ((2, 3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5)))):
        name = f"MatMul-constant-{constant}-{text(a)}-{text(b)}"
        v = Values(name)
        table.one(
            name,
            "MatMul",
            {"p": v.real(b if constant == 0 else a)},
            inputs=["c", "p"] if constant == 0 else ["p", "c"],
            constants={"c": v.real(a if constant == 0 else b)},
        )
    for left, right, result in itertools.product((0, 1), repeat=3):
        name = f"MatMul-transposed-{left}{right}{result}"
        v = Values(name)
        swap = lambda on, value, to: (
            [("Transpose", [value], [to], {"perm": [0, 2, 1]})] if on else [("Identity", [value], [to], {})]
        )
        nodes = (
            swap(left, "x", "a")
            + swap(right, "p", "b")
            + [("MatMul", ["a", "b"], ["m"], {})]
            + swap(result, "m", "t")
            + [("Tanh", ["t"], ["y"], {})]
        )
        table.add(
            name, nodes, {"x": v.real((2, 4, 3) if left else (2, 3, 4)), "p": v.real((2, 5, 4) if right else (2, 4, 5))}
        )
    for perm in itertools.permutations(range(3)):
        name = f"MatMul-weights-{text(perm)}"
        v = Values(name)
        shape = [0, 0, 0]
        for to, source in enumerate(perm):
            shape[source] = (2, 4, 5)[to]
        table.add(
            name,
            [("Transpose", ["p"], ["t"], {"perm": list(perm)}), ("MatMul", ["x", "t"], ["y"], {})],
            {"x": v.real((2, 3, 4)), "p": v.real(shape)},
        )
    table.add(
        "MatMul-itself",
        [("Transpose", ["p"], ["t"], {"perm": [1, 0]}), ("MatMul", ["p", "t"], ["y"], {})],
        {"p": Values("mi").real((3, 4))},
    )
    table.one("MatMul-square", "MatMul", {"p": Values("ms").real((2, 3, 3))}, inputs=["p", "p"])
    nodes = [
        ("MatMul", ["x", "p"], ["a"], {}),
        ("MatMul", ["a", "p"], ["b"], {}),
        ("Tanh", ["b"], ["c"], {}),
        ("MatMul", ["c", "p"], ["y"], {}),
    ]
    table.add("MatMul-shared", nodes, {"x": Values("mx").real((2, 3)), "p": Values("mp").real((3, 3), -1, 1)})


def addends(table):
    v = Values("addends")
    product = [("MatMul", ["x", "p"], ["m"], {})]
    for shape in ((5,), (3, 5), (2, 3, 5), (1, 5), (1, 1, 5)):
        for first, twice in itertools.product((True, False), repeat=2):
            nodes = (
                product
                + [("Add", ["b", "m"] if first else ["m", "b"], ["y"], {})]
                + ([("Add", ["y", "xr"], ["z"], {})] if twice else [])
            )
            values = {"x": v.real((2, 3, 4)), "p": v.real((4, 5)), "b": v.real(shape)}
            values = {("pb" if n == "b" else n): value for n, value in values.items()} | (
                {"xr": v.real((2, 3, 5))} if twice else {}
            )
            nodes = [(k, ["pb" if i == "b" else i for i in ins], outs, a) for k, ins, outs, a in nodes]
            table.add(
                f"MatMul-add-{text(shape)}-{'first' if first else 'second'}{'-residual' if twice else ''}",
                nodes,
                values,
            )
    table.add(
        "MatMul-residual-itself",
        [("MatMul", ["x", "p"], ["m"], {}), ("Add", ["x", "m"], ["y"], {})],
        {"x": v.real((2, 3, 4)), "p": v.real((4, 4))},
    )
    table.add(
        "MatMul-two-products",
        product + [("MatMul", ["x", "pq"], ["n"], {}), ("Add", ["m", "n"], ["y"], {})],
        {"x": v.real((2, 3, 4)), "p": v.real((4, 5)), "pq": v.real((4, 5))},
    )
    table.add(
        "MatMul-add-twice-used",
        product + [("Add", ["m", "pb"], ["s"], {}), ("Mul", ["m", "s"], ["y"], {})],
        {"x": v.real((2, 3, 4)), "p": v.real((4, 5)), "pb": v.real((5,))},
    )
    table.add(
        "MatMul-add-product-to-itself",
        product + [("Add", ["m", "m"], ["y"], {})],
        {"x": v.real((3, 4)), "p": v.real((4, 5))},
    )
    nodes = product + [("Transpose", ["m"], ["t"], {"perm": [0, 2, 1]}), ("Add", ["t", "pb"], ["y"], {})]
    table.add("MatMul-transpose-add", nodes, {"x": v.real((2, 3, 4)), "p": v.real((4, 5)), "pb": v.real((5, 3))})
    nodes = product + [("Reshape", ["m", "s"], ["r"], {}), ("Add", ["r", "pb"], ["y"], {})]
    table.add(
        "MatMul-reshape-add",
        nodes,
        {"x": v.real((2, 3, 4)), "p": v.real((4, 6)), "pb": v.real((3,))},
        constants={"s": integers(2, 3, 2, 3)},
    )


def gemms(table):
    v = Values("gemms")
    for ta, tb in itertools.product((0, 1), repeat=2):
        a, b = v.real((4, 3) if ta else (3, 4)), v.real((5, 4) if tb else (4, 5))
        for alpha, beta in ((1.0, 1.0), (0.5, 2.0), (1.0, 0.0), (0.0, 1.0), (-1.0, -1.0), (2.0, 1.0), (1.0, 3.0)):
            for c in ((5,), (1, 5), (3, 1), (3, 5), (), (1,), (1, 1)) if alpha + beta in (2.0, 2.5) else ((5,), (3, 1)):
                table.one(
                    f"Gemm-{ta}{tb}-{alpha}-{beta}-{text(c)}",
                    "Gemm",
                    {"x": a, "p": b, "pc": v.real(c)},
                    {"transA": ta, "transB": tb, "alpha": alpha, "beta": beta},
                )
        table.one(f"Gemm-{ta}{tb}", "Gemm", {"x": a, "p": b}, {"transA": ta, "transB": tb})
        table.one(f"Gemm-{ta}{tb}-scaled", "Gemm", {"x": a, "p": b}, {"transA": ta, "transB": tb, "alpha": 1.5})
    for m, n, k in ((1, 5, 4), (3, 1, 4), (3, 5, 1), (1, 1, 1)):
        table.one(f"Gemm-size-{m}-{n}-{k}", "Gemm", {"x": v.real((m, k)), "p": v.real((k, n)), "pb": v.real((n,))})
    nodes = [
        ("Reshape", ["x", "s"], ["f"], {}),
        ("Gemm", ["f", "p", "pb"], ["g"], {"transB": 1}),
        ("Reshape", ["g", "u"], ["y"], {}),
    ]
    table.add(
        "Gemm-between-reshapes",
        nodes,
        {"x": v.real((2, 3, 4)), "p": v.real((5, 4)), "pb": v.real((5,))},
        constants={"s": integers(-1, 4), "u": integers(2, 3, 5)},
    )
    nodes = [("Reshape", ["x", "s"], ["f"], {}), ("Gemm", ["f", "p", "pb"], ["y"], {})]
    table.add(
        "Gemm-after-flatten",
        nodes,
        {"x": v.real((2, 3, 2, 2)), "p": v.real((4, 5)), "pb": v.real((5,))},
        constants={"s": integers(6, 4)},
    )
    table.one("Gemm-itself", "Gemm", {"p": v.real((3, 4))}, {"transB": 1}, inputs=["p", "p"])


def attention(table):
    v = Values("attention")
    q, k, w = v.real((2, 4, 3, 4)), v.real((2, 4, 5, 4)), v.real((2, 4, 5, 6))
    few = {"p": q, "x": k[:, :2], "pv": w[:, :2]}
    mask = v.ids((3, 5), 2).astype(bool)
    mask[:, 0] = True
    square = {"p": v.real((2, 2, 4, 3)), "x": v.real((2, 2, 4, 3)), "pv": v.real((2, 2, 4, 3))}
    flat = {"p": v.real((2, 3, 8)), "x": v.real((2, 5, 4)), "pv": v.real((2, 5, 6))}
    heads = {"q_num_heads": 4, "kv_num_heads": 2}
    for name, values, attributes, constants in (
        ("plain", {"p": q, "x": k, "pv": w}, {}, {}),
        ("scale", {"p": q, "x": k, "pv": w}, {"scale": 0.3}, {}),
        ("groups", few, {}, {}),
        ("causal", square, {"is_causal": 1}, {}),
        ("truth-mask", {"p": q, "x": k, "pv": w}, {}, {"m": mask}),
        ("flat", flat, heads, {}),
        ("added-mask", {"p": q, "x": k, "pv": w}, {}, {"m": v.real((3, 5))}),
        ("trained-mask", {"p": q, "x": k, "pv": w, "pm": v.real((4, 3, 5))}, {}, {}),
        ("batch-mask", {"p": q, "x": k, "pv": w, "xm": v.real((2, 4, 3, 5))}, {}, {}),
    ):
        table.one(f"Attention-{name}", "Attention", values, attributes, constants=constants, opset=23)
    causal = np.where(np.tril(np.ones((4, 4), bool)), 0, -np.inf).astype(np.float32)
    scores = [
        ("Transpose", ["x"], ["t"], {"perm": [0, 1, 3, 2]}),
        ("MatMul", ["p", "t"], ["m"], {}),
        ("Mul", ["m", "c"], ["s"], {}),
    ]
    rest = [("Softmax", ["u"], ["w"], {}), ("MatMul", ["w", "pv"], ["y"], {})]
    table.add(
        "attention-causal-added",
        scores + [("Add", ["s", "k"], ["u"], {})] + rest,
        square,
        constants={"c": np.float32(0.5), "k": causal},
    )
    table.add(
        "attention-causal-chosen",
        scores + [("Where", ["k", "s", "n"], ["u"], {})] + rest,
        square,
        constants={"c": np.float32(0.5), "k": causal == 0, "n": np.float32(-1e9)},
    )
    table.add(
        "attention-mask-first",
        scores[:2] + [("Add", ["m", "k"], ["v"], {}), ("Mul", ["v", "c"], ["u"], {})] + rest,
        square,
        constants={"c": np.float32(0.5), "k": causal},
    )


def cases():
    table = Table()
    for add in (matmuls, addends, gemms, attention):
        add(table)
    return table.cases
