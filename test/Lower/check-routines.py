"""Runs the routines of lower-stages-run.mlir and compares with numpy."""

import ctypes
import re
import sys

import numpy

TEXT, LIBRARY = open(sys.argv[1]).read(), ctypes.CDLL(sys.argv[2])
random = numpy.random.default_rng(0)
failures = 0


def numbers(text):
    return [int(n) for n in re.findall(r"-?\d+", text)]


def matmul(line, address):
    refs = {word: numbers(place) for word, place in
            re.findall(r"(matmul|by|into|bias|residual) <([^>]*)>", line)}
    lists = dict(zip(("a", "b", "c", "sizes"), map(numbers, re.findall(r"\[([^\]]*)\]", line))))
    *batch, m, n, k = lists["sizes"]
    alpha = float((re.findall(r"alpha (\S+)", line) or ["1"])[0])

    def tensor(ref, shape, strides):
        pointer = ctypes.cast(address(*refs[ref]), ctypes.POINTER(ctypes.c_float))
        reach = sum((s - 1) * t for s, t in zip(shape, strides)) + 1
        flat = numpy.ctypeslib.as_array(pointer, (reach,))
        return numpy.lib.stride_tricks.as_strided(flat, shape, [4 * s for s in strides])

    c = tensor("into", batch + [m, n], lists["c"])
    result = alpha * (tensor("matmul", batch + [m, k], lists["a"])
                      @ tensor("by", batch + [k, n], lists["b"]))
    if "accumulate" in line:
        result += c
    if "bias" in refs:
        result += tensor("bias", [n], [1])
    if "residual" in refs:
        result += tensor("residual", batch + [m, n], lists["c"])
    c[...] = result


def run(name, **given):
    """The blocks of a routine by role after it ran; what is not given is NaN."""
    head, body = re.search(r"pipe\.routine @" + name + r" (blocks .*?) \{\n(.*?)\n  \}", TEXT,
                           re.S).groups()
    sizes, roles = re.findall(r"\[([^\]]*)\]", head)[:2]
    blocks = {}
    for role, size in zip(re.findall(r'"([^"]*)"', roles), numbers(sizes)):
        block = numpy.full((size + 3) // 4, numpy.nan, numpy.float32)
        data = given.get(role.replace(" ", "_"))
        if data is not None:
            block[: data.size] = data.ravel()
        blocks[role] = block
    order = list(blocks.values())

    def address(block, offset):
        return order[block].ctypes.data + offset

    for line in body.splitlines():
        kernel = re.search(r'kernel "(\w+)"', line)
        if kernel:
            places = [address(*numbers(ref)) for ref in re.findall(r"ref<([^>]*)>", line)]
            LIBRARY[kernel.group(1)]((ctypes.c_void_p * len(places))(*places))
        else:
            matmul(line, address)
    return blocks


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
