"""Runs routines from the text of a program and its kernels, block by block."""

import ctypes
import re

import numpy


def numbers(text):
    return [int(n) for n in re.findall(r"-?\d+", text)]


def matmul(line, address):
    refs = {word: numbers(place) for word, place in
            re.findall(r"(matmul|by|into|bias|residual|bias_gradient) <([^>]*)>", line)}
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
    if "bias_gradient" in refs:
        of_a = " of_a" in line
        tensor("bias_gradient", [m if of_a else n], [1])[...] += (
            tensor("matmul", [m, k], lists["a"]).sum(1) if of_a else tensor("by", [k, n], lists["b"]).sum(0))


def call_kernel(library, name, arguments):
    """Calls a kernel for all of its units, and for what is left behind them."""
    units, _, finishes = (ctypes.c_int64 * 3).in_dll(library, f"{name}_units")
    for begin, end in [(0, units)] + [(units, units)] * finishes:
        library[name](arguments, ctypes.c_int64(begin), ctypes.c_int64(end))


def run(text, library, name, **given):
    """The blocks of a routine by role after it ran; what is not given is NaN.
    Kernels come from the library, matrix products from numpy."""
    head, body = re.search(r"pipe\.routine @" + name + r" (blocks .*?) \{\n(.*?)\n  \}", text,
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
            call_kernel(library, kernel.group(1), (ctypes.c_void_p * len(places))(*places))
        else:
            matmul(line, address)
    return blocks
