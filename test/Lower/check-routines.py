"""Runs the routines of lower-stages-run.mlir and compares with numpy."""

import ctypes
import sys

import numpy
import routines

TEXT, LIBRARY = open(sys.argv[1]).read(), ctypes.CDLL(sys.argv[2])
random = numpy.random.default_rng(0)
failures = 0


def run(name, **given):
    return routines.run(TEXT, LIBRARY, name, **given)


def check(name, got, want):
    global failures
    if not numpy.allclose(got[: want.size].reshape(want.shape), want, rtol=1e-5, atol=1e-6):
        print(f"{name} is\n{got[:want.size].reshape(want.shape)}\nexpected\n{want}", file=sys.stderr)
        failures += 1


def forward(name, function, *shapes):
    inputs = [random.standard_normal(shape).astype(numpy.float32) for shape in shapes]
    blocks = run(name, **{f"input_{i}": x for i, x in enumerate(inputs)})
    check(name, blocks["carried_out"], function(*inputs))


def insert(a):
    whole = numpy.ones((6, 10), numpy.float32)
    whole[2:5, 5:9] = a * a
    return whole


forward("concat", lambda a, b, c: numpy.concatenate([2 * a, b @ c], 1), (4, 4), (4, 6), (6, 8))
forward("insert", insert, (3, 4))
forward("reorder", lambda a: a.transpose(2, 1, 0).reshape(12, 2), (2, 3, 4))
forward("two_sums", lambda a, b: 0.5 * numpy.einsum("kml,lkn->mn", a, b), (2, 5, 3), (3, 2, 7))
forward("batch_last", lambda a, b: numpy.einsum("mkb,bkn->mnb", a, b), (5, 3, 4), (4, 3, 6))
forward("transposed", lambda a, b, v: (a @ b + v).T, (4, 6), (6, 8), (8,))
forward("constants", lambda a: (2 * a + [[1, -2, 3], [4, 5, -6]]) @ [[1, 2], [3, 4], [5, 6]] + 1,
        (2, 3))
forward("vectors", lambda a, v: a.sum(1) + a @ v, (4, 6), (6,))
forward("chain", lambda a: a * a - (a * a).T + a, (3, 3))



def fused(a, b, w):
    s = a * a * (a * a).sum(1, keepdims=True) + b
    mean, rstd = s.mean(1, keepdims=True), 1 / numpy.sqrt(s.var(1, keepdims=True) + 1e-5)
    return ((s - mean) * rstd * w + w) * s + mean * rstd


forward("fused", fused, (4, 8), (4, 8), (8,))

a = random.standard_normal((2, 3)).astype(numpy.float32)
out = run("results", input_0=a)["carried_out"]
for at, want in (0, a * a), (16, a * a), (32, a), (48, numpy.full(4, 7.0)):
    check("results", out[at:], want)

a, dy, gp, gq, gr = (random.standard_normal((3, 3)).astype(numpy.float32) for _ in range(5))
sums = numpy.concatenate([numpy.pad(g.ravel(), (0, 7)) for g in (gp, gq, gr)])
# The output gradient is what reaches the weight gradient as the first kept value.
out = run("sums_weight", d_carried_out=dy, input_0=a, gradients_0=sums)["gradients 0"]
for at, want in (0, gp + a @ dy), (16, gq.T + a), (32, gr):
    check("sums_weight", out[at:], want)

sys.exit(failures > 0)
