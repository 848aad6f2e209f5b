"""Random graphs: 5 to 30 nodes over random shapes, with broadcasts, values used several times and several outputs.

Every node is computed as it is added. What is not finite, grows large, or lies near a kink or pole is not added, so
that a graph's gradients are well defined and float32 can show them.
"""

import numpy as np

from case import Case
from drawing import GAP, Unsuitable, broadcasts
from generator_layers import Layers

SMOOTH = [
    "Tanh",
    "Sigmoid",
    "Neg",
    "Erf",
    "Gelu",
    "Sin",
    "Cos",
    "Exp",
    "Identity",
    "Relu",
    "Abs",
    "Sqrt",
    "Log",
    "Reciprocal",
]


class Generator(Layers):
    # ---- nodes ----

    def unary(self):
        kind, x = self.choose(SMOOTH), self.pick()
        if kind in ("Sqrt", "Log"):
            self.away(x, 0.1)
        if kind in ("Relu", "Abs"):
            self.away(x, zero=True)
        if kind == "Reciprocal" and not (self.tensors[x].abs() > 0.3).all():
            raise Unsuitable
        self.add(kind, [x], {"approximate": "tanh"} if kind == "Gelu" and self.chance(0.5) else {})

    def binary(self):
        kind, a = self.choose(["Add", "Add", "Add", "Sub", "Mul", "Mul", "Mul", "Div", "Max", "Min"]), self.pick()
        shape = self.shape_of(a)
        b = self.operand(lambda other: broadcasts(shape, other), self.like(shape))
        a, b = (b, a) if self.chance(0.5) else (a, b)
        if kind == "Div" and not (self.tensors[b].abs() > 0.3).all():
            raise Unsuitable
        if kind in ("Max", "Min") and not ((self.tensors[a] - self.tensors[b]).abs() > GAP).all():
            raise Unsuitable
        self.add(kind, [a, b])

    def power(self):
        self.add("Pow", [self.pick(), self.constant(np.float32(self.choose([2, 3])))])

    def matmul(self):
        a = self.pick(len)
        shape = self.shape_of(a)
        if self.chance(0.7):
            batch = self.like(shape[:-2]) if len(shape) > 2 and self.chance(0.5) else ()
            b = self.operand(
                lambda s: len(s) > 1 and s[-2] == shape[-1] and broadcasts(s[:-2], shape[:-2]),
                (*batch, shape[-1], self.size()),
            )
            m = self.add("MatMul", [a, b])
        else:
            if len(shape) < 2:
                raise Unsuitable
            b = self.operand(
                lambda s: len(s) > 1 and s[-1] == shape[-2] and broadcasts(s[:-2], shape[:-2]), (self.size(), shape[-2])
            )
            m = self.add("MatMul", [b, a])
        if self.chance(0.5):
            shape = self.shape_of(m)
            other = self.operand(lambda s: s == shape, shape[-1:] if self.chance(0.5) else self.like(shape))
            self.add("Add", [m, other] if self.chance(0.5) else [other, m])

    def gemm(self):
        a = self.pick(lambda s: len(s) == 2)
        ta, tb = int(self.chance(0.3)), int(self.chance(0.5))
        m, k = self.shape_of(a)[::-1] if ta else self.shape_of(a)
        n = self.size()
        b = self.leaf((n, k) if tb else (k, n))
        inputs = [a, b] + ([self.leaf(self.like((m, n)))] if self.chance(0.7) else [])
        self.add(
            "Gemm", inputs, {"transA": ta, "transB": tb} | ({"alpha": 0.5, "beta": 2.0} if self.chance(0.3) else {})
        )

    def transpose(self):
        x = self.pick(lambda s: len(s) > 1)
        self.add("Transpose", [x], {"perm": [int(i) for i in self.random.permutation(len(self.shape_of(x)))]})

    def reshape(self):
        x = self.pick()
        rest, dims = int(np.prod(self.shape_of(x))), []
        while rest > 1 and len(dims) < 3:
            dims.append(int(self.choose([d for d in range(2, rest + 1) if rest % d == 0])))
            rest //= dims[-1]
        dims += [rest] * (rest > 1)
        dims = [int(d) for d in self.random.permutation(dims)]
        if self.chance(0.2):
            dims.insert(self.random.integers(0, len(dims) + 1), 1)
        if dims and self.chance(0.3):
            dims[self.random.integers(len(dims))] = -1
        self.add("Reshape", [x, self.integers(*dims)])

    def squeeze(self):
        x = self.pick()
        shape = self.shape_of(x)
        if 1 in shape and self.chance(0.6):
            self.add("Squeeze", [x, self.integers(self.choose([i for i, d in enumerate(shape) if d == 1]))])
        else:
            self.add("Unsqueeze", [x, self.integers(self.random.integers(-len(shape) - 1, len(shape) + 1))])

    def flatten(self):
        x = self.pick()
        self.add("Flatten", [x], {"axis": int(self.random.integers(0, len(self.shape_of(x)) + 1))})

    def slice(self):
        x = self.pick(lambda s: max(s, default=0) > 1)
        axis = self.choose([i for i, d in enumerate(self.shape_of(x)) if d > 1])
        n = self.shape_of(x)[axis]
        start = int(self.random.integers(0, n))
        end = int(self.random.integers(start + 1, n + 2))
        self.add("Slice", [x, *map(self.integers, (start, end, axis, 2 if self.chance(0.2) else 1))])

    def concat(self):
        x = self.pick(len)
        shape = self.shape_of(x)
        axis = int(self.random.integers(len(shape)))
        fits = lambda s: len(s) == len(shape) and all(d == e for i, (d, e) in enumerate(zip(s, shape)) if i != axis)
        own = tuple(self.size() if i == axis else d for i, d in enumerate(shape))
        parts = [x] + [self.operand(fits, own) for _ in range(self.random.integers(1, 3))]
        self.add(
            "Concat",
            [parts[i] for i in self.random.permutation(len(parts))],
            {"axis": axis - len(shape) * int(self.chance(0.3))},
        )

    def split(self):
        x = self.pick(lambda s: max(s, default=0) > 1)
        axis = self.choose([i for i, d in enumerate(self.shape_of(x)) if d > 1])
        n = self.shape_of(x)[axis]
        first = int(self.random.integers(1, n))
        self.add("Split", [x, self.integers(first, n - first)], {"axis": axis}, results=2)

    def expand(self):
        x = self.pick()
        shape = [self.size() if d == 1 else d for d in self.shape_of(x)]
        self.add("Expand", [x, self.integers(*([self.size()] if self.chance(0.3) else []), *shape)])

    def gather(self):
        x = self.pick(len) if self.chance(0.6) else self.leaf(self.shape(2))
        axis = int(self.random.integers(-len(self.shape_of(x)), len(self.shape_of(x))))
        self.add(
            "Gather", [x, self.ids(self.shape(self.random.integers(0, 3)), self.shape_of(x)[axis])], {"axis": axis}
        )

    def reduce(self):
        x = self.pick(len)
        rank = len(self.shape_of(x))
        axes = [
            int(a) - rank * int(self.chance(0.3))
            for a in self.random.permutation(rank)[: self.random.integers(1, rank + 1)]
        ]
        kind = self.choose(["ReduceSum", "ReduceMean", "ReduceMean", "ReduceMax", "ReduceMin"])
        if kind in ("ReduceMax", "ReduceMin"):
            flat = self.tensors[x].reshape(-1).sort().values
            if not (flat.diff() > 1e-3).all():
                raise Unsuitable
        self.add(kind, [x, self.integers(*axes)], {"keepdims": int(self.chance(0.6))})

    def softmax(self):
        x = self.pick(len)
        rank = len(self.shape_of(x))
        if self.chance(0.3):
            x = self.add("Mul", [x, self.constant(np.float32(self.choose([0.5, 2, -1])))])
        self.add("Softmax", [x], {"axis": int(self.random.integers(-rank, rank))})

    def norm(self):
        x = self.pick(lambda s: len(s) and s[-1] > 1)
        rank = len(self.shape_of(x))
        axis = int(self.random.integers(-rank, 0))
        if not (self.tensors[x].var(tuple(range(axis, 0)), unbiased=False) > 0.01).all():
            raise Unsuitable
        rest = self.shape_of(x)[axis:]
        if self.chance(0.3):
            self.add("RMSNormalization", [x, self.leaf(rest)], {"axis": axis})
        else:
            self.add(
                "LayerNormalization", [x, self.leaf(rest)] + [self.leaf(rest)] * int(self.chance(0.7)), {"axis": axis}
            )

    def where(self):
        x = self.pick()
        shape = self.shape_of(x)
        if self.chance(0.5):
            mask = self.constant(self.random.random(self.like(shape)) < 0.5)
        else:
            mask = self.add("Less", [self.ids(self.like(shape), 4), self.integers(2)])
        other = self.operand(lambda s: broadcasts(s, shape), self.like(shape))
        self.add("Where", [mask, x, other] if self.chance(0.5) else [mask, other, x])

    def masked(self):
        """A truth value as a factor."""
        x = self.pick()
        other = self.leaf(self.like(self.shape_of(x)))
        if not ((self.tensors[x] - self.tensors[other]).abs() > GAP).all():
            raise Unsuitable
        truth = self.add("Greater", [x, other])
        self.add("Mul", [x, self.add("Cast", [truth], {"to": 1})])

    def cumsum(self):
        x = self.pick(len)
        self.add(
            "CumSum",
            [x, self.constant(np.int64(self.random.integers(0, len(self.shape_of(x)))))],
            {"exclusive": int(self.chance(0.3)), "reverse": int(self.chance(0.3))},
        )

    def attend(self):
        """Scores, perhaps a mask, softmax, values."""
        q = self.pick(lambda s: len(s) >= 2)
        shape = self.shape_of(q)
        k = self.operand(lambda s: s == shape, shape)
        rank, rows = len(shape), shape[-2]
        t = self.add("Transpose", [k], {"perm": [*range(rank - 2), rank - 1, rank - 2]})
        scores = self.add("MatMul", [q, t])
        if self.chance(0.6):
            scores = self.add("Mul", [scores, self.constant(np.float32(0.5))])
        causal = np.tril(np.ones((rows, rows), bool))
        if self.chance(0.3):
            scores = self.add("Where", [self.constant(causal), scores, self.constant(np.float32(-20))])
        elif self.chance(0.5):
            scores = self.add("Add", [scores, self.leaf(self.like(self.shape_of(scores)))])
        self.add("MatMul", [self.add("Softmax", [scores], {"axis": -1}), self.operand(lambda s: s == shape, shape)])

    # ---- whole ----

    STEPS = {
        unary: 4,
        binary: 6,
        power: 0.5,
        matmul: 5,
        gemm: 1,
        transpose: 3,
        reshape: 3,
        squeeze: 1,
        flatten: 0.5,
        slice: 1.5,
        concat: 1.5,
        split: 1.5,
        expand: 1,
        gather: 1.5,
        reduce: 2,
        softmax: 1.5,
        norm: 2,
        where: 1,
        masked: 0.7,
        cumsum: 0.5,
        attend: 1.5,
        **Layers.STEPS,
    }

    def step(self):
        steps, weights = list(self.STEPS), np.array(list(self.STEPS.values()))
        before = [dict(self.values), dict(self.constants), dict(self.tensors), list(self.nodes), list(self.computed)]
        try:
            steps[self.random.choice(len(steps), p=weights / weights.sum())](self)
        except Unsuitable:
            self.values, self.constants, self.tensors, self.nodes, self.computed = before

    def graph(self, name):
        count = int(self.random.integers(5, 31))
        self.computed.append(self.leaf(self.shape(self.random.integers(1, 5))))
        while len(self.nodes) < count:
            if self.chance(0.08):
                self.computed.append(self.leaf(self.shape(self.random.integers(0, 4))))
            self.step()
        used = {name for _, inputs, _, _ in self.nodes for name in inputs}
        made = [name for _, _, outputs, _ in self.nodes for name in outputs if self.tensors[name].is_floating_point()]
        outputs = [name for name in made if name not in used or self.chance(0.05)]
        keep = lambda values: {n: v for n, v in values.items() if n in used}
        return Case(
            name,
            self.nodes,
            values=keep(self.values),
            constants=keep(self.constants),
            outputs=outputs,
            opset=23,
            tol=5e-5,
        )
