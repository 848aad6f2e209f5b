"""Values for cases, away from where functions have kinks or poles unless a case is about that."""

import zlib

import numpy as np

from case import Case, integers  # noqa: F401 (for the files of cases)


class Values:
    """Numbers that depend on the name of a case alone, so that adding a case changes no other."""

    def __init__(self, name):
        self.random = np.random.default_rng(zlib.crc32(name.encode()))

    def real(self, shape, low=-2, high=2):
        return np.asarray(self.random.uniform(low, high, shape), np.float32)

    def away(self, shape, low=-2, high=2, kinks=(0,), gap=0.05):
        """No entry nearer than `gap` to a kink."""
        value = self.real(shape, low, high)
        for kink in kinks:
            near = np.abs(value - kink) < gap
            value = np.where(near, kink + np.where(value < kink, -gap, gap), value)
        return np.asarray(value, np.float32)

    def distinct(self, shape, low=-2, high=2):
        """Entries that all differ by at least the range over their number."""
        count = int(np.prod(shape))
        return np.asarray(self.random.permutation(np.linspace(low, high, count)).reshape(shape), np.float32)

    def apart(self, shape, other, gap=0.05):
        """Entries at least `gap` from those of `other` that broadcasting pairs them with."""
        value = self.real(shape)
        for _ in range(100):
            a, b = np.broadcast_arrays(value, other)
            near = np.abs(a - b) < gap
            if not near.any():
                return value
            hit = np.zeros(shape, bool)
            extra = near.ndim - len(shape)
            axes = tuple(range(extra)) + tuple(
                extra + i for i, d in enumerate(shape) if d == 1 != near.shape[extra + i]
            )
            hit |= near.any(axis=axes, keepdims=True).reshape(shape) if axes else near.reshape(shape)
            value = np.where(hit, self.real(shape), value)
        raise AssertionError("no such values found")

    def ids(self, shape, below, negative=False):
        return np.asarray(self.random.integers(-below if negative else 0, below, shape), np.int64)


class Table:
    """Collects cases; a case of one operator in one line."""

    def __init__(self):
        self.cases = []

    def one(self, name, kind, values, attributes=None, inputs=None, outputs=("y",), constants=None, **more):
        inputs = list(values) + list(constants or {}) if inputs is None else inputs
        self.add(
            name,
            [(kind, inputs, list(outputs), attributes or {})],
            values,
            constants=constants,
            outputs=[o for o in outputs if o],
            **more
        )

    def add(self, name, nodes, values, **more):
        self.cases.append(Case(name, nodes, values=values, **more))


def text(shape):
    return "x".join(map(str, shape)) or "scalar"
