"""Attention in the forms that exporters and models write it, as single operations: masks, biases, bands, groups of
heads, softcaps, rotary positions, merged dimensions. attention.py beside this file tries each in one piece, too."""

import numpy as np

from values import Table, Values, integers

LOW = np.float32(-3.4028235e38)
NEVER = np.float32(-np.inf)


class Attention:
    """Nodes of one attention. q, k and v come from projections [batch, sequence, heads * size] that are parameters or
    data; `scores` and `weights` name what the next step changes."""

    def __init__(self, name, b=2, r=5, c=5, h=4, kv=None, d=6, v=3, scale=0.4):
        self.b, self.r, self.c, self.h, self.kv, self.d, self.v = b, r, c, h, kv or h, d, v
        self.numbers = Values("attention-" + name)
        self.nodes, self.constants = [], {"scale": np.float32(scale)}
        self.values = {
            "pq": self.numbers.real((b, r, h * d)),
            "xk": self.numbers.real((b, c, self.kv * d)),
            "pv": self.numbers.real((b, c, self.kv * v)),
        }
        self.q = self.heads("pq", r, h, d)
        self.k = self.heads("xk", c, self.kv, d)
        self.w = self.heads("pv", c, self.kv, v)

    def add(self, kind, *inputs, **attributes):
        name = f"n{len(self.nodes)}"
        self.nodes.append((kind, list(inputs), [name], attributes))
        return name

    def constant(self, value):
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(value)
        return name

    def reshape(self, x, *shape):
        return self.add("Reshape", x, self.constant(integers(*shape)))

    def heads(self, x, sequence, heads, size):
        return self.add("Transpose", self.reshape(x, self.b, sequence, heads, size), perm=[0, 2, 1, 3])

    def product(self, first="scores"):
        """q k^T, scaled on the scores, on both operands as PyTorch exports it, or on q."""
        q, k = self.q, self.add("Transpose", self.k, perm=[0, 1, 3, 2])
        if first == "operands":
            root = self.constant(np.sqrt(self.constants["scale"]))
            q, k = self.add("Mul", q, root), self.add("Mul", k, root)
        if first == "q":
            q = self.add("Mul", q, "scale")
        self.scores = self.add("MatMul", q, k)
        if first == "scores":
            self.scores = self.add("Mul", self.scores, "scale")
        return self

    def plus(self, addend):
        self.scores = self.add("Add", self.scores, addend)
        return self

    def keep(self, mask, fill=NEVER):
        self.scores = self.add("Where", mask, self.scores, self.constant(fill))
        return self

    def drop(self, mask, fill=NEVER):
        self.scores = self.add("Where", mask, self.constant(fill), self.scores)
        return self

    def band(self, left=None, right=None, start=False):
        """Truth values; counted from the last row and column, or from the first."""
        row = np.arange(self.r)[:, None] + (0 if start else self.c - self.r)
        column = np.arange(self.c)[None]
        return (column >= row - (self.c + self.r if left is None else left)) & (
            column <= row + (self.c + self.r if right is None else right)
        )

    def repeat(self, how):
        """Heads of k and v for every head of q."""
        groups = self.h // self.kv

        def repeated(x, sequence, size):
            if how == "gather":
                return self.add("Gather", x, self.constant(np.repeat(np.arange(self.kv), groups)), axis=1)
            if how == "broadcast":
                return x
            single = self.add("Unsqueeze", x, self.constant(integers(2)))
            all_of_them = self.add("Expand", single, self.constant(integers(self.b, self.kv, groups, sequence, size)))
            return self.reshape(all_of_them, self.b, self.h, sequence, size)

        self.k, self.w = repeated(self.k, self.c, self.d), repeated(self.w, self.c, self.v)
        return self

    def rotate(self):
        """Rotary positions on q and k."""
        half = self.d // 2

        def turned(x, sequence):
            angle = np.arange(sequence)[:, None] / 10.0 ** (np.arange(half) / half)
            angle = np.concatenate([angle, angle], axis=1)
            cut = lambda a, b: self.add("Slice", x, *(self.constant(integers(i)) for i in (a, b, 3)))
            swapped = self.add("Concat", self.add("Neg", cut(half, self.d)), cut(0, half), axis=-1)
            return self.add(
                "Add",
                self.add("Mul", x, self.constant(np.cos(angle).astype(np.float32))),
                self.add("Mul", swapped, self.constant(np.sin(angle).astype(np.float32))),
            )

        self.q, self.k = turned(self.q, self.r), turned(self.k, self.c)
        return self

    def merge(self):
        """Batch and heads in one dimension."""
        self.q = self.reshape(self.q, self.b * self.h, self.r, self.d)
        self.k = self.reshape(self.k, self.b * self.h, self.c, self.d)
        self.w = self.reshape(self.w, self.b * self.h, self.c, self.v)
        q, k = self.q, self.add("Transpose", self.k, perm=[0, 2, 1])
        self.scores = self.add("Mul", self.add("MatMul", q, k), "scale")
        return self

    def cap(self, limit):
        bound = self.constant(np.float32(limit))
        self.scores = self.add("Mul", self.add("Tanh", self.add("Div", self.scores, bound)), bound)
        return self

    def done(self, guard=False, ratio=None):
        """The product with v, heads side by side, and something that makes gradients differ."""
        weights = self.add("Softmax", self.scores, axis=-1)
        if guard:
            weights = self.add("Where", self.add("IsNaN", weights), self.constant(np.float32(0)), weights)
        if ratio is not None:
            weights = self.add("Dropout", weights, self.constant(np.float32(ratio)), self.constant(np.array(True)))
        out = self.add("MatMul", weights, self.w)
        self.out = self.reshape(out, self.b, self.h, self.r, self.v)
        flat = self.reshape(self.add("Transpose", self.out, perm=[0, 2, 1, 3]), self.b, self.r, self.h * self.v)
        self.add("Tanh", flat)
        return self

    def into(self, table, name, **more):
        table.add("fused-" + name, self.nodes, self.values, constants=self.constants, **more)


def bands(table):
    for name, sizes, limits in (
        ("causal", {}, {"right": 0}),
        ("window", {"r": 9, "c": 9}, {"left": 2, "right": 0}),
        ("local", {"r": 9, "c": 9}, {"left": 2, "right": 2}),
        ("uneven", {"r": 7, "c": 7}, {"left": 1, "right": 3}),
        ("causal-columns", {"r": 3, "c": 7}, {"right": 0}),
        ("window-columns", {"r": 4, "c": 9}, {"left": 2, "right": 0}),
        ("causal-from-the-start", {"r": 7, "c": 4}, {"right": 0, "start": True}),
    ):
        for form in ("added", "added-low", "chosen", "chosen-low", "dropped"):
            a = Attention(f"{name}-{form}", **sizes).product("operands" if form == "added" else "scores")
            keep = a.band(**limits)
            if form.startswith("added"):
                a.plus(a.constant(np.where(keep, np.float32(0), NEVER if form == "added" else LOW)))
            elif form.startswith("chosen"):
                a.keep(a.constant(keep), NEVER if form == "chosen" else np.float32(-1e9))
            else:
                a.drop(a.constant(~keep))
            a.done(guard=form == "added").into(table, f"{name}-{form}")
    a = Attention("two-bands", r=8, c=8).product()
    a.keep(a.constant(a.band(left=3))).keep(a.constant(a.band(right=1))).done().into(table, "two-bands")


def biases(table):
    b, h, r, c = 2, 4, 5, 5
    for shape in ((c,), (r, c), (r, 1), (1, 1, c), (h, 1, 1), (h, r, c), (h, 1, c), (b, 1, 1, c), (b, 1, r, c), (1, h, r, c), (b, h, r, c), (b, h, 1, 1)):
        name = "bias-" + "x".join(map(str, shape))
        a = Attention(name).product()
        a.values["pbias"] = a.numbers.real(shape)
        a.plus("pbias").done().into(table, name)
    a = Attention("bias-of-data").product("q")
    a.values["xbias"] = a.numbers.real((b, 1, r, c))
    a.values["pbias"] = a.numbers.real((h, r, c))
    a.plus("pbias").plus("xbias").done().into(table, "bias-of-data")
    a = Attention("bias-with-mask").product()
    a.values["pbias"] = a.numbers.real((1, h, r, c))
    mask = a.constant(np.where(a.band(right=0), np.float32(0), LOW))
    a.plus(a.add("Add", "pbias", mask)).done().into(table, "bias-with-mask")
    a = Attention("bias-scaled").product("q")
    a.values["pbias"] = a.numbers.real((h, 1, c))
    a.plus("pbias")
    a.scores = a.add("Mul", a.scores, "scale")
    a.done().into(table, "bias-scaled")
    a = Attention("bias-subtracted").product()
    a.values["pbias"] = a.numbers.real((h, r, c))
    a.scores = a.add("Sub", a.scores, "pbias")
    a.done().into(table, "bias-subtracted")
    a = Attention("alibi").product()
    slopes = (2.0 ** -np.arange(1, h + 1)).astype(np.float32)
    a.plus(a.constant(slopes[:, None, None] * np.arange(c, dtype=np.float32)[None, None]))
    a.keep(a.constant(a.band(right=0))).done().into(table, "alibi")
    a = Attention("table").product()  # relative positions as T5 has them
    a.values["ptable"] = a.numbers.real((9, h))
    places = np.clip(np.arange(c)[None] - np.arange(r)[:, None], -4, 4) + 4
    rows = a.add("Gather", "ptable", a.constant(places.astype(np.int64)), axis=0)
    bias = a.add("Unsqueeze", a.add("Transpose", rows, perm=[2, 0, 1]), a.constant(integers(0)))
    a.plus(bias).done().into(table, "table")


def padding(table):
    keep = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 0]], np.int64)
    for name, causal in (("padding", False), ("padding-causal", True)):
        a = Attention(name).product()
        a.values["xkeep"] = keep
        mask = a.reshape(a.add("Cast", "xkeep", to=9), 2, 1, 1, 5)
        a.keep(mask)
        if causal:
            a.keep(a.constant(a.band(right=0)))
        a.done().into(table, name)
    a = Attention("padding-and").product()
    a.values["xkeep"] = keep
    mask = a.reshape(a.add("Cast", "xkeep", to=9), 2, 1, 1, 5)
    a.keep(a.add("And", mask, a.constant(a.band(right=0)))).done().into(table, "padding-and")
    a = Attention("padding-added").product()
    a.values["xkeep"] = keep
    gone = a.add("Sub", a.constant(np.float32(1)), a.reshape(a.add("Cast", "xkeep", to=1), 2, 1, 1, 5))
    a.plus(a.add("Mul", gone, a.constant(LOW))).done().into(table, "padding-added")


def shapes(table):
    Attention("plain").product().done().into(table, "plain")
    Attention("own-scale", scale=1.7).product().done().into(table, "own-scale")
    Attention("cross", r=3, c=8, v=7).product("operands").done().into(table, "cross")
    Attention("tall", r=8, c=2).product().done().into(table, "tall")
    Attention("one-row", r=1, c=6).product().done().into(table, "one-row")
    Attention("one-column", r=4, c=1).product().done().into(table, "one-column")
    Attention("one-head", h=1).product().done().into(table, "one-head")
    Attention("softcap").product().cap(0.8).done().into(table, "softcap")
    a = Attention("softcap-causal").product().cap(1.5)
    a.plus(a.constant(np.where(a.band(right=0), np.float32(0), NEVER))).done().into(table, "softcap-causal")
    for how in ("expand", "gather"):
        a = Attention("groups-" + how, kv=2).repeat(how).product()
        a.keep(a.constant(a.band(right=0))).done().into(table, "groups-" + how)
    for how in ("expand", "gather", "broadcast"):
        Attention("one-of-keys-" + how, kv=1).repeat(how).product().done().into(table, "one-of-keys-" + how)
    Attention("rotary", kv=2).rotate().repeat("expand").product().done().into(table, "rotary")
    Attention("merged").merge().done().into(table, "merged")
    a = Attention("merged-mask").merge()
    a.scores = a.reshape(a.scores, 2, 4, 5, 5)
    a.values["pbias"] = a.numbers.real((2, 1, 5, 5))
    a.plus("pbias")
    a.scores = a.reshape(a.scores, 8, 5, 5)
    a.done().into(table, "merged-mask")
    v = Values("attention-matrices")
    for rank, lead in ((2, ()), (3, (2,)), (5, (2, 3, 2))):
        q, k, w = v.real((*lead, 5, 4)), v.real((*lead, 4, 6)), v.real((*lead, 6, 3))
        nodes = [("MatMul", ["pq", "xk"], ["s"], {}), ("Softmax", ["s"], ["w"], {"axis": -1}), ("MatMul", ["w", "pv"], ["y"], {})]
        table.add(f"fused-rank-{rank}", nodes, {"pq": q, "xk": k, "pv": w})


def cases():
    table = Table()
    for add in (bands, biases, padding, shapes):
        add(table)
    return table.cases
