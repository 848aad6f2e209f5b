"""Checks the calls of programs, as --emit=program prints them: every argument of a kernel,
matrix product or attention lies in its block, and what is written shares no byte with
another argument.

    arguments.py FILE..."""

import re
import sys

import numpy as np

BYTES = {"f16": 2, "bf16": 2, "f32": 4, "f64": 8, "i1": 1, "i8": 1, "i32": 4, "i64": 8}
REF = re.compile(r"<(\d+), (\d+)>")


def addresses(offset, sizes, strides, element):
    """All bytes of a strided window."""
    found = np.array([offset])
    for size, stride in zip(sizes, strides):
        found = (found[:, None] + np.arange(size) * stride * element).ravel()
    return (found[:, None] + np.arange(element)).ravel()


def window(memref):
    """Sizes, strides and bytes of an element of a memref type."""
    shape, _, layout = memref.partition(", strided<[")
    *sizes, element = shape.split("x")
    sizes = [int(s) for s in sizes]
    strides = ([int(s) for s in layout.rstrip("]>").split(", ") if s] if layout
               else [int(np.prod(sizes[i + 1:])) for i in range(len(sizes))])
    assert len(strides) == len(sizes), memref
    return sizes, strides, BYTES[element]


def kernels(text):
    """Of every kernel the windows of its arguments, and which of them it writes."""
    found = {}
    for name, head, body in re.findall(r"func\.func @(\w+)\((.*?)\) \{\n(.*?)\n    \}", text, re.S):
        types = re.findall(r"(%\w+): memref<(.*?)>(?=, %|$)", head)
        written = set(re.findall(r"%\w+", " ".join(re.findall(r"outs\((.*?) :", body))))
        found[name] = [(window(kind), argument in written) for argument, kind in types]
    return found


def product(line):
    """The places of a matrix product with their windows, and which is written."""
    refs = {word: tuple(map(int, ref)) for word, *ref in
            re.findall(r"(matmul|by|into|bias|residual|bias_gradient) <(\d+), (\d+)>", line)}
    lists = [[int(n) for n in found.split(", ")] for found in re.findall(r"\[([^\]]*)\]", line)]
    a, b, c, (*batch, m, n, k) = lists
    places = [(refs["matmul"], (batch + [m, k], a, 4), False), (refs["by"], (batch + [k, n], b, 4), False),
              (refs["into"], (batch + [m, n], c, 4), True)]
    if "bias" in refs:
        places.append((refs["bias"], ([n], [1], 4), False))
    if "residual" in refs:
        places.append((refs["residual"], (batch + [m, n], c, 4), False))
    if "bias_gradient" in refs:
        places.append((refs["bias_gradient"], ([m if " of_a" in line else n], [1], 4), True))
    return places


def attention(line):
    """The places of an attention with their windows, and which are written."""
    batch, heads, kv_heads, rows, columns, size, vsize = map(int, re.search(r"sizes \[([^\]]*)\]", line)[1].split(", "))
    q, k, v, o = ([batch, rows, heads, size], [batch, columns, kv_heads, size],
                  [batch, columns, kv_heads, vsize], [batch, rows, heads, vsize])
    scores = [batch, heads, rows, columns]
    sizes = {"q": q, "k": k, "v": v, "o": o, "lse": [batch, heads, rows], "bias": scores,
             "d_output": o, "dq": q, "dk": k, "dv": v, "dbias": scores}
    written = {"dq", "dk", "dv", "dbias"} if "attention_grad_call" in line else {"o", "lse"}
    places = []
    for name, block, offset, strides in re.findall(r"(\w+) <(\d+), (\d+)> \[([^\]]*)\]", line):
        strides = [int(s) for s in strides.split(", ")]
        strides += [1] * (len(sizes[name]) - len(strides))
        places.append(((int(block), int(offset)), (sizes[name], strides, 4), name in written))
    for block, offset in re.findall(r"key <(\d+), (\d+)>", line):
        places.append(((int(block), int(offset)), ([], [], 8), False))
    block, offset, size = map(int, re.search(r"workspace <(\d+), (\d+)> (\d+)", line).groups())
    places.append(((block, offset), ([size], [1], 1), True))
    return places


def faults(text):
    known = kernels(text)
    for name, sizes, body in re.findall(r"pipe\.routine @(\S+) blocks \[([^\]]*)\].*?\{\n(.*?)\n  \}", text, re.S):
        blocks = [int(size) for size in sizes.split(", ")]
        for line in body.splitlines():
            kernel = re.search(r'pipe\.kernel "(\w+)"', line)
            if kernel:
                refs = [tuple(map(int, ref)) for ref in REF.findall(line)]
                assert len(refs) == len(known[kernel[1]]), line
                places = [(ref, *argument) for ref, argument in zip(refs, known[kernel[1]])]
            else:
                places = (attention if "pipe.attention" in line else product)(line)
            yield from faults_of(f"{name}: {line.strip()}", places, blocks)


def faults_of(what, places, blocks):
    reached = [addresses(ref[1], *argument) for ref, argument, _ in places]
    for i, ((block, _), _, writes) in enumerate(places):
        if reached[i].size and not 0 <= reached[i].min() <= reached[i].max() < blocks[block]:
            yield f"{what}: argument {i} reaches byte {reached[i].max()} of {blocks[block]}"
        for j, ((other, _), _, _) in enumerate(places):
            if writes and i != j and block == other and np.intersect1d(reached[i], reached[j]).size:
                yield f"{what}: argument {i}, which is written, overlaps argument {j}"


def main(paths):
    calls = wrong = 0
    for path in paths:
        text = open(path).read()
        calls += len(re.findall(r"pipe\.(?:kernel|matmul|attention_call|attention_grad_call) ", text))
        for fault in faults(text):
            print(f"{path}: {fault}", file=sys.stderr)
            wrong += 1
    print(f"{calls} calls of {len(paths)} programs, {wrong} faults")
    sys.exit(bool(wrong) or calls == 0)


if __name__ == "__main__":
    main(sys.argv[1:])
