"""Drawing and growing: shapes, operands and leaves of a random graph, and nodes that are computed as they are added.

What is not finite or grows large is not added.
"""

import numpy as np
import torch

import interpreter

SIZES = [1, 2, 3, 4, 5, 7]
WIDE = [1, 3, 8, 16, 17, 33]  # whole vectors, and what is left over
LARGEST, MOST_DIMENSIONS, GAP = 30.0, 5, 0.02


class Unsuitable(Exception):
    """This node is not added."""


def broadcasts(a, b):
    return all(x == y or 1 in (x, y) for x, y in zip(a[::-1], b[::-1]))


class Drawing:
    def __init__(self, seed, wide=False):
        self.random = np.random.default_rng(seed)
        self.sizes, self.most_elements = (WIDE, 5000) if wide else (SIZES, 500)
        self.nodes, self.values, self.constants, self.tensors, self.computed = [], {}, {}, {}, []

    # ---- drawing ----

    def chance(self, probability):
        return self.random.random() < probability

    def choose(self, options):
        options = list(options)
        if not options:
            raise Unsuitable
        return options[self.random.integers(len(options))]

    def size(self):
        return int(self.choose(self.sizes))

    def shape(self, rank=None):
        return tuple(self.size() for _ in range(self.random.integers(0, 4) if rank is None else rank))

    def like(self, shape):
        """A shape that broadcasts to `shape`: dimensions missing in front, or of size one."""
        shape = tuple(1 if self.chance(0.3) else d for d in shape)
        return shape[self.random.integers(0, len(shape) + 1) :] if self.chance(0.4) else shape

    def pick(self, suits=lambda shape: True):
        """A value computed before, rather a late one."""
        fits = [name for name in self.computed if suits(self.shape_of(name))]
        return self.choose(fits[-4:] if self.chance(0.6) else fits)

    def operand(self, suits, shape):
        """A value computed before, or a new leaf of `shape`."""
        if self.chance(0.5):
            try:
                return self.pick(suits)
            except Unsuitable:
                pass
        return self.leaf(shape)

    # ---- growing ----

    def shape_of(self, name):
        return tuple(self.tensors[name].shape)

    def leaf(self, shape, low=-1.5, high=1.5):
        name = f"{'ppppppxxxc'[self.random.integers(10)]}{len(self.values) + len(self.constants)}"
        value = np.asarray(self.random.uniform(low, high, shape), np.float32)
        (self.constants if name[0] == "c" else self.values)[name] = value
        self.tensors[name] = interpreter.tensor_of(value, torch.float64)
        return name

    def constant(self, value):
        name = f"k{len(self.constants)}"
        self.constants[name] = np.asarray(value)
        self.tensors[name] = interpreter.tensor_of(value, torch.float64)
        return name

    def integers(self, *values):
        return self.constant(np.array(values, np.int64))

    def ids(self, shape, below):
        value = np.asarray(self.random.integers(0, below, shape), np.int64)
        if self.chance(0.5):
            return self.constant(value)
        name = f"i{len(self.values)}"
        self.values[name], self.tensors[name] = value, torch.tensor(value)
        return name

    def add(self, kind, inputs, attributes=None, results=1):
        """The name of the node's result, or names of its results."""
        names = [f"v{len(self.nodes)}" + (f"_{i}" if i else "") for i in range(results)]
        node = (kind, list(inputs), names, attributes or {})
        try:
            with interpreter.precision(torch.float64):
                interpreter.run([node], self.tensors)
        except (RuntimeError, IndexError) as error:
            raise AssertionError(f"{node} of {[self.shape_of(i) for i in inputs]}: {error}") from error
        for name in names:
            value = self.tensors[name]
            large = value.is_floating_point() and value.numel() and not value.abs().max() <= LARGEST
            if large or value.numel() > self.most_elements or value.dim() > MOST_DIMENSIONS:
                raise Unsuitable
        self.nodes.append(node)
        self.computed += [name for name in names if self.tensors[name].is_floating_point()]
        return names[0] if results == 1 else names

    def away(self, name, low=-np.inf, zero=False):
        """Asks that all entries are above `low`, or none near zero."""
        value = self.tensors[name]
        if not (value > low).all() or zero and not (value.abs() > GAP).all():
            raise Unsuitable
