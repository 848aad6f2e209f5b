"""Nodes that the compiler expresses by others: products of labelled dimensions, windows, choices, norms, activations."""

import numpy as np

from drawing import GAP, Drawing, Unsuitable

LETTERS = "abcdefgh"
ACTIVATIONS = {  # and where they have a kink
    "Softplus": ({}, ()),
    "Mish": ({}, ()),
    "Softsign": ({}, ()),
    "HardSwish": ({}, (-3, 3)),
    "Selu": ({}, (0,)),
    "LeakyRelu": ({"alpha": 0.2}, (0,)),
    "Elu": ({"alpha": 1.5}, (0,)),
    "Celu": ({"alpha": 0.7}, (0,)),
    "ThresholdedRelu": ({"alpha": 0.5}, (0.5,)),
    "HardSigmoid": ({"alpha": 0.4}, (-1.25, 1.25)),
}


class Layers(Drawing):
    def distinct(self, name):
        """Asks that no two entries are equal, or nearly so."""
        if not (self.tensors[name].reshape(-1).sort().values.diff() > 1e-3).all():
            raise Unsuitable

    def clear(self, name, *places):
        """Asks that no entry is near one of these."""
        if any((self.tensors[name] - place).abs().min() <= GAP for place in places):
            raise Unsuitable

    def image(self):
        """A value with one or two dimensions behind batch and channels."""
        shape = (int(self.random.integers(1, 3)), int(self.choose([1, 2, 4])), *(int(self.random.integers(2, 7))
                                                                                for _ in range(self.random.integers(1, 3))))
        return self.operand(lambda s: 3 <= len(s) <= 4, shape)

    # ---- numbers ----

    def activation(self):
        kind = self.choose(ACTIVATIONS)
        attributes, kinks = ACTIVATIONS[kind]
        x = self.pick()
        self.clear(x, *kinks)
        self.add(kind, [x], attributes)

    def slope(self):
        x = self.pick()
        self.clear(x, 0)
        self.add("PRelu", [x, self.leaf(self.like(self.shape_of(x)))])

    def clip(self):
        x = self.pick()
        low, high = sorted(self.random.uniform(-1, 1, 2).astype(np.float32))
        self.clear(x, low, high)
        bounds = [self.constant(low) if self.chance(0.7) else "", self.constant(high)]
        self.add("Clip", [x, *bounds[: 2 if self.chance(0.7) or not bounds[0] else 1]])

    def total(self):
        x = self.pick()
        self.add("Sum", [x, *(self.leaf(self.like(self.shape_of(x))) for _ in range(self.random.integers(0, 3)))])

    # ---- moves and choices ----

    def pad(self):
        x = self.pick(len)
        shape, rank = self.shape_of(x), len(self.shape_of(x))
        mode = self.choose(["constant", "constant", "reflect", "edge", "wrap"])
        axes = [int(a) for a in self.random.permutation(rank)[: self.random.integers(1, rank + 1)]]
        # Fewer than none are cut off; a reflection does not reach beyond the other end.
        low = {"constant": lambda n: -((n - 1) // 2)}.get(mode, lambda n: 0)
        high = {"reflect": lambda n: n}.get(mode, lambda n: 4)
        pads = [int(self.random.integers(low(shape[a]), high(shape[a]))) for _ in range(2) for a in axes]
        value = self.constant(np.float32(0.5)) if mode == "constant" and self.chance(0.4) else ""
        self.add("Pad", [x, self.integers(*pads), value, self.integers(*axes)], {"mode": mode})

    def tile(self):
        x = self.pick(len)
        self.add("Tile", [x, self.integers(*(self.random.integers(1, 4) for _ in self.shape_of(x)))])

    def triangle(self):
        x = self.pick(lambda s: len(s) > 1)
        self.add("Trilu", [x, self.constant(np.int64(self.random.integers(-2, 3)))], {"upper": int(self.chance(0.5))})

    def blocks(self):
        x = self.leaf((int(self.random.integers(1, 3)), 4 * int(self.random.integers(1, 3)), 2, 3))
        self.add("DepthToSpace", [x], {"blocksize": 2, "mode": self.choose(["DCR", "CRD"])})

    def top(self):
        x = self.pick(len)
        self.distinct(x)
        axis = int(self.random.integers(-len(self.shape_of(x)), len(self.shape_of(x))))
        k = self.integers(self.random.integers(1, self.shape_of(x)[axis] + 1))
        _, ids = self.add("TopK", [x, k], {"axis": axis, "largest": int(self.chance(0.5))}, results=2)
        if self.chance(0.5):
            other = self.leaf(self.shape_of(x))
            self.add("GatherElements", [other, ids], {"axis": axis})

    def largest(self):
        x = self.pick(len)
        self.distinct(x)
        axis = int(self.random.integers(0, len(self.shape_of(x))))
        ids = self.add("ArgMax", [x], {"axis": axis})
        self.add("GatherElements", [x, ids], {"axis": axis})

    def hot(self):
        depth = int(self.random.integers(2, 6))
        ids = self.ids(self.shape(self.random.integers(1, 3)), depth)
        axis = int(self.random.integers(-1, len(self.shape_of(ids)) + 1))
        self.add("OneHot", [ids, self.integers(depth), self.leaf((2,))], {"axis": axis})

    def scatter_elements(self):
        x = self.pick(len)
        shape = self.shape_of(x)
        axis = int(self.random.integers(0, len(shape)))
        small = tuple(int(self.random.integers(1, d + 1)) for d in shape)
        if self.chance(0.5):
            ids, attributes = self.ids(small, shape[axis]), {"reduction": "add"}
        else:  # no element twice
            rows = self.random.permuted(np.broadcast_to(np.arange(shape[axis]), (*small[:axis], *small[axis + 1 :], shape[axis])), axis=-1)
            ids, attributes = self.constant(np.moveaxis(rows, -1, axis).take(range(small[axis]), axis)), {}
        self.add("ScatterElements", [x, ids, self.leaf(small)], {"axis": axis, **attributes})

    def scatter_rows(self):
        x = self.pick(len)
        shape = self.shape_of(x)
        depth = int(self.random.integers(1, len(shape) + 1))
        places = np.stack(np.unravel_index(self.random.permutation(int(np.prod(shape[:depth]))), shape[:depth]), -1)
        chosen = places[: self.random.integers(1, min(len(places), 4) + 1)]
        adds = self.chance(0.5)
        if adds:
            chosen = np.concatenate([chosen, chosen[:1]])
        self.add("ScatterND", [x, self.constant(chosen), self.leaf((len(chosen), *shape[depth:]))],
                 {"reduction": "add"} if adds else {})

    # ---- reductions and norms ----

    def sums(self):
        x = self.pick(len)
        rank = len(self.shape_of(x))
        kind = self.choose(["ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp", "ReduceProd"])
        if kind in ("ReduceL1", "ReduceL2"):
            self.away(x, zero=True)
        axes = [int(a) for a in self.random.permutation(rank)[: self.random.integers(1, rank + 1)]]
        self.add(kind, [x, self.integers(*axes)], {"keepdims": int(self.chance(0.6))})

    def log_softmax(self):
        x = self.pick(len)
        self.add("LogSoftmax", [x], {"axis": int(self.random.integers(-len(self.shape_of(x)), len(self.shape_of(x))))})

    def length(self):
        x = self.pick(len)
        self.away(x, zero=True)
        self.add("LpNormalization", [x], {"axis": int(self.random.integers(0, len(self.shape_of(x)))), "p": self.choose([1, 2])})

    def channels(self):
        """A norm with a scale and shift per channel."""
        x = self.image()
        n, c, *rest = self.shape_of(x)
        kind = self.choose(["InstanceNormalization", "GroupNormalization", "BatchNormalization"])
        groups = self.choose([g for g in (1, 2, 4) if c % g == 0])
        parts = self.tensors[x].reshape(n, c if kind[0] == "I" else groups, -1)
        if kind != "BatchNormalization" and (parts.shape[-1] < 2 or not (parts.var(-1, unbiased=False) > 0.01).all()):
            raise Unsuitable
        inputs = [x, self.leaf((c,)), self.leaf((c,))]
        if kind == "BatchNormalization":
            inputs += [self.constant(self.random.uniform(low, 1, c).astype(np.float32)) for low in (-1, 0.3)]
        self.add(kind, inputs, {"num_groups": groups} if kind == "GroupNormalization" else {})

    # ---- products and windows ----

    def einsum(self):
        x = self.pick(lambda s: 1 <= len(s) <= 4)
        shape = self.shape_of(x)
        sizes = dict(zip(LETTERS, shape))
        first = LETTERS[: len(shape)]
        shared = [c for c in first if self.chance(0.6)]
        new = LETTERS[len(shape)] if self.chance(0.5) or not shared else ""
        sizes[LETTERS[len(shape)]] = self.size()
        second = "".join(self.random.permutation([*shared, *new]))
        terms, operands = [first], [x]
        if self.chance(0.8):
            terms.append(second)
            operands.append(self.leaf(tuple(sizes[c] for c in second)))
        letters = sorted(set("".join(terms)))
        result = "".join(self.random.permutation([c for c in letters if self.chance(0.6)]))
        self.add("Einsum", operands, {"equation": ",".join(terms) + "->" + result})

    def window(self, rank, kernels, sizes):
        """Attributes of windows that fit."""
        kernel = [int(self.random.integers(1, min(kernels, n) + 1)) for n in sizes]
        pads = [int(self.random.integers(0, max(1, (k + 1) // 2))) for k in kernel]
        dilations = [int(self.choose([1, 1, 2])) if (k - 1) * 2 + 1 <= n else 1 for k, n in zip(kernel, sizes)]
        return kernel, {"strides": [int(self.random.integers(1, 3)) for _ in range(rank)], "dilations": dilations, "pads": pads + pads}

    def conv(self):
        x = self.image()
        _, c, *sizes = self.shape_of(x)
        kernel, attributes = self.window(len(sizes), 3, sizes)
        group = int(self.choose([g for g in (1, 1, 2, 4) if c % g == 0]))
        out = group * int(self.random.integers(1, 3))
        inputs = [x, self.leaf((out, c // group, *kernel))] + [self.leaf((out,))] * int(self.chance(0.6))
        self.add("Conv", inputs, {"group": group, **attributes})

    def pool(self):
        x = self.image()
        _, _, *sizes = self.shape_of(x)
        kind = self.choose(["MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool"])
        if kind.endswith("MaxPool"):
            self.distinct(x)
        kernel, attributes = self.window(len(sizes), 3, sizes)
        attributes |= {"kernel_shape": kernel, "ceil_mode": int(self.chance(0.3))}
        if kind == "AveragePool":
            attributes["count_include_pad"] = int(self.chance(0.5))
        self.add(kind, [x], {} if kind.startswith("Global") else attributes)

    STEPS = {
        activation: 1.5,
        slope: 0.3,
        clip: 0.7,
        total: 0.4,
        pad: 1,
        tile: 0.7,
        triangle: 0.4,
        blocks: 0.3,
        top: 0.6,
        largest: 0.3,
        hot: 0.4,
        scatter_elements: 0.6,
        scatter_rows: 0.6,
        sums: 1,
        log_softmax: 0.5,
        length: 0.4,
        channels: 1,
        einsum: 2,
        conv: 1.2,
        pool: 1,
    }
