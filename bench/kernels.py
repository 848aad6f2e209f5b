"""Generated kernels beside PyTorch's, on one thread.

    python bench/kernels.py [--rows 256] [--columns 512,2048,8192] [--only REGEX]

Each line is one kernel at one shape: the time of a call here and in PyTorch,
the bytes it must move divided by ours, and how many times faster ours is.
Buffers are made beforehand on both sides; each time is the best of many calls.
"""

import argparse
import ctypes
import math
import pathlib
import re
import subprocess
import tempfile
import time

import torch

ROOT = pathlib.Path(__file__).resolve().parent.parent
aten = torch.ops.aten


def memref(shape, element="f32"):
    return f"memref<{'x'.join(map(str, [*shape, element]))}>"


def pipe(name, operation, inputs, outputs):
    """The text of a kernel of one pipe operation."""
    types = [*inputs, *outputs]
    names = [f"%a{i}" for i in range(len(types))]
    ins, outs = names[: len(inputs)], names[len(inputs):]
    return (
        f"func.func @{name}({', '.join(f'{n}: {t}' for n, t in zip(names, types))}) {{\n"
        f"  {operation} ins({', '.join(ins)} : {', '.join(inputs)})"
        f" outs({', '.join(outs)} : {', '.join(outputs)})\n  return\n}}\n"
    )


def generic(name, inputs, output, maps, iterators, body):
    """The text of a kernel of one linalg.generic; body names %x0, %x1, ..."""
    types = [*inputs, output]
    arguments = ", ".join(f"%a{i}: {t}" for i, t in enumerate(types))
    block = ", ".join(f"%x{i}: f32" for i in range(len(types)))
    ins = ", ".join(f"%a{i}" for i in range(len(inputs)))
    return (
        f"func.func @{name}({arguments}) {{\n"
        f"  linalg.generic {{indexing_maps = [{', '.join(maps)}], iterator_types = [{iterators}]}}"
        f" ins({ins} : {', '.join(inputs)}) outs(%a{len(inputs)} : {output}) {{\n"
        f"  ^bb0({block}):\n{body}  }}\n  return\n}}\n"
    )


def fused(name, inputs, outputs, lines, yielded):
    """The text of a kernel of several operations along rows: lines of a body on %x0, %x1, ..., and what it stores."""
    held = [t.replace("memref", "tensor") for t in inputs + outputs]
    arguments = ", ".join(f"%a{i}: {t}" for i, t in enumerate([*inputs, *outputs]))
    block = ", ".join(f"%x{i}: {t}" for i, t in enumerate(held[:len(inputs)]))
    empty = "".join(f"  %e{i} = tensor.empty() : {t}\n" for i, t in enumerate(held[len(inputs):]))
    ins, outs = (", ".join(f"%a{i}" for i in numbers)
                 for numbers in (range(len(inputs)), range(len(inputs), len(inputs) + len(outputs))))
    return (
        f"func.func @{name}({arguments}) {{\n  pipe.fused_rows ins({ins} : {', '.join(inputs)})"
        f" outs({outs} : {', '.join(outputs)}) {{\n  ^bb0({block}):\n{empty}{lines}"
        f"  pipe.yield {', '.join(yielded)} : {', '.join(held[len(inputs):])}\n  }}\n  return\n}}\n"
    )


def addition(result, a, b, out, tensor):
    """A line that adds two tensors."""
    return (f"  {result} = linalg.generic {{indexing_maps = [{', '.join([IDENTITY] * 3)}], iterator_types = [{PARALLEL}]}}"
            f" ins({a}, {b} : {tensor}, {tensor}) outs({out} : {tensor}) {{\n  ^bb0(%p: f32, %q: f32, %o: f32):\n"
            f"    %sum = arith.addf %p, %q : f32\n    linalg.yield %sum : f32\n  }} -> {tensor}\n")


IDENTITY = "affine_map<(i, j) -> (i, j)>"
COLUMN = "affine_map<(i, j) -> (j)>"
PARALLEL = '"parallel", "parallel"'
GELU_TANH = """
    %half = arith.constant 0.5 : f32
    %one = arith.constant 1.0 : f32
    %k = arith.constant 0.7978845608028654 : f32
    %c = arith.constant 0.044715 : f32
    %sq = arith.mulf {x}, {x} : f32
    %csq = arith.mulf %sq, %c : f32
    %poly = arith.addf %csq, %one : f32
    %kx = arith.mulf {x}, %k : f32
    %u = arith.mulf %kx, %poly : f32
    %t = math.tanh %u : f32
    %t1 = arith.addf %t, %one : f32
    %cdf = arith.mulf %t1, %half : f32
"""
GELU_ERF = """
    %half = arith.constant 0.5 : f32
    %one = arith.constant 1.0 : f32
    %k = arith.constant 0.7071067811865476 : f32
    %u = arith.mulf {x}, %k : f32
    %e = math.erf %u : f32
    %e1 = arith.addf %e, %one : f32
    %cdf = arith.mulf %e1, %half : f32
"""
FORWARD = "    %y = arith.mulf %x0, %cdf : f32\n    linalg.yield %y : f32\n"
GELU_TANH_BACKWARD = """
    %three = arith.constant 3.0 : f32
    %tt = arith.mulf %t, %t : f32
    %s = arith.subf %one, %tt : f32
    %p3 = arith.mulf %csq, %three : f32
    %q = arith.addf %p3, %one : f32
    %du = arith.mulf %q, %kx : f32
    %sdu = arith.mulf %s, %du : f32
    %h = arith.mulf %sdu, %half : f32
    %d = arith.addf %cdf, %h : f32
    %y = arith.mulf %x0, %d : f32
    linalg.yield %y : f32
"""
GELU_ERF_BACKWARD = """
    %n = arith.constant -0.5 : f32
    %m = arith.constant 0.3989422804014327 : f32
    %sq = arith.mulf %x1, %x1 : f32
    %nsq = arith.mulf %sq, %n : f32
    %g = math.exp %nsq : f32
    %pdf = arith.mulf %g, %m : f32
    %xp = arith.mulf %x1, %pdf : f32
    %d = arith.addf %cdf, %xp : f32
    %y = arith.mulf %x0, %d : f32
    linalg.yield %y : f32
"""


class Case:
    """A kernel, PyTorch's call that does the same, and what both read and write."""

    def __init__(self, name, text, inputs, outputs, reference):
        self.name, self.text, self.reference = name, text, reference
        self.inputs, self.outputs = inputs, outputs

    def bytes(self):
        return sum(t.numel() * t.element_size() for t in [*self.inputs, *self.outputs])

    def pack(self):
        pointers = [t.data_ptr() for t in [*self.inputs, *self.outputs]]
        return (ctypes.c_void_p * len(pointers))(*pointers)


def cases(rows, columns):
    size = f"{rows}x{columns}"
    x, dy = torch.randn(rows, columns), torch.randn(rows, columns)
    weight, bias = torch.randn(columns), torch.randn(columns)
    full, vector, one_per_row = memref([rows, columns]), memref([columns]), memref([rows])
    ids, scalar = memref([rows], "i64"), memref([])
    out, twin = torch.empty_like(x), torch.empty_like(x)
    new = torch.empty

    def unary(name, body, backward, *arguments):
        inputs = [dy, x] if backward else [x]
        maps = [IDENTITY] * (len(inputs) + 1)
        text = generic(f"{name}_{size}", [full] * len(inputs), full, maps, PARALLEL, body)
        approximate = "tanh" if "tanh" in name else "none"
        if backward:
            call = lambda: aten.gelu_backward.grad_input(dy, x, approximate=approximate, grad_input=twin)
        else:
            call = lambda: aten.gelu.out(x, approximate=approximate, out=twin)
        return Case(name, text, inputs, [out], lambda: [call()])

    y = torch.softmax(x, -1)
    yield Case("softmax", pipe(f"softmax_{size}", "pipe.softmax", [full], [full]), [x], [out],
               lambda: [aten._softmax.out(x, -1, False, out=twin)])
    yield Case("softmax_grad", pipe(f"softmax_grad_{size}", "pipe.softmax_grad", [full, full], [full]),
               [dy, y], [out],
               lambda: [aten._softmax_backward_data.out(dy, y, -1, torch.float32, grad_input=twin)])

    norm = [new(rows, columns), new(rows), new(rows)]
    norm2 = [new(rows, columns), new(rows, 1), new(rows, 1)]
    yield Case("layer_norm", pipe(f"layer_norm_{size}", "pipe.layer_norm epsilon 1.0e-5",
                                  [full, vector, vector], [full, one_per_row, one_per_row]),
               [x, weight, bias], norm,
               lambda: aten.native_layer_norm.out(x, [columns], weight, bias, 1e-5,
                                                  out0=norm2[0], out1=norm2[1], out2=norm2[2]))
    _, mean, rstd = aten.native_layer_norm(x, [columns], weight, bias, 1e-5)

    def norm_backward(*mask):
        found = aten.native_layer_norm_backward(dy, x, [columns], mean, rstd, weight, bias, mask)
        return [g for g in found if g is not None]

    yield Case("layer_norm_grad_input",
               pipe(f"layer_norm_grad_input_{size}", "pipe.layer_norm_grad_input",
                    [full, full, vector, one_per_row, one_per_row], [full]),
               [dy, x, weight, mean, rstd], [out], lambda: norm_backward(True, False, False))
    yield Case("layer_norm_grad_params",
               pipe(f"layer_norm_grad_params_{size}", "pipe.layer_norm_grad_params",
                    [full, full, one_per_row, one_per_row], [vector, vector]),
               [dy, x, mean, rstd], [torch.zeros(columns), torch.zeros(columns)],
               lambda: norm_backward(False, True, True))

    tensor, row, along = (t.replace("memref", "tensor") for t in (full, one_per_row, vector))
    total, total2 = new(rows, columns), new(rows, columns)
    norm_line = (f"  %n:3 = pipe.layer_norm epsilon 1.0e-5 ins(%s, %x2, %x3 : {tensor}, {along}, {along})"
                 f" outs(%e1, %e2, %e3 : {tensor}, {row}, {row}) -> {tensor}, {row}, {row}\n")
    yield Case("add_layer_norm",
               fused(f"add_layer_norm_{size}", [full, full, vector, vector], [full, full, one_per_row, one_per_row],
                     addition("%s", "%x0", "%x1", "%e0", tensor) + norm_line, ["%s", "%n#0", "%n#1", "%n#2"]),
               [x, dy, weight, bias], [total, *norm],
               lambda: [torch.add(x, dy, out=total2),
                        *aten.native_layer_norm.out(total2, [columns], weight, bias, 1e-5,
                                                    out0=norm2[0], out1=norm2[1], out2=norm2[2])])
    gradient_line = (f"  %g = pipe.layer_norm_grad_input ins(%x0, %x1, %x2, %x3, %x4 : {tensor}, {tensor}, {along}, {row}, {row})"
                     f" outs(%e0 : {tensor}) -> {tensor}\n")
    yield Case("layer_norm_grad_add",
               fused(f"layer_norm_grad_add_{size}", [full, full, vector, one_per_row, one_per_row, full], [full],
                     gradient_line + addition("%s", "%x5", "%g", "%e0", tensor), ["%s"]),
               [dy, x, weight, mean, rstd, y], [out],
               lambda: [torch.add(y, norm_backward(True, False, False)[0], out=twin)])

    yield unary("gelu_tanh", GELU_TANH.format(x="%x0") + FORWARD, False)
    yield unary("gelu_tanh_grad", GELU_TANH.format(x="%x1") + GELU_TANH_BACKWARD, True)
    yield unary("gelu_erf", GELU_ERF.format(x="%x0") + FORWARD, False)
    yield unary("gelu_erf_grad", GELU_ERF.format(x="%x1") + GELU_ERF_BACKWARD, True)

    labels = torch.randint(0, columns, (rows,))
    lse = torch.logsumexp(x, -1)
    logp = torch.log_softmax(x, -1)
    one = torch.ones(())
    count = torch.zeros(())
    yield Case("cross_entropy", pipe(f"cross_entropy_{size}", "pipe.cross_entropy",
                                     [full, ids], [scalar, one_per_row]),
               [x, labels], [new(()), new(rows)],
               lambda: [aten.nll_loss_forward(torch._log_softmax(x, -1, False, out=twin),
                                              labels, None, 2, -100)[0]])

    def cross_entropy_backward():
        grad = aten.nll_loss_backward(one, logp, labels, None, 2, -100, count)
        return [aten._log_softmax_backward_data.out(grad, logp, -1, torch.float32, out=twin)]

    yield Case("cross_entropy_grad",
               pipe(f"cross_entropy_grad_{size}", "pipe.cross_entropy_grad",
                    [scalar, full, ids, one_per_row], [full]),
               [one, x, labels, lse], [out], cross_entropy_backward)

    sums = new(columns)
    body = "    %s = arith.addf %x1, %x0 : f32\n    linalg.yield %s : f32\n"
    yield Case("bias_grad", generic(f"bias_grad_{size}", [full], vector, [IDENTITY, COLUMN],
                                    '"reduction", "parallel"', body),
               [dy], [torch.zeros(columns)], lambda: [torch.sum(dy, 0, out=sums)])


def compile(texts):
    """Compiles the kernels into one library, which is loaded."""
    folder = pathlib.Path(tempfile.mkdtemp())
    (folder / "kernels.mlir").write_text("module { module @kernels {\n" + "".join(texts) + "} }\n")
    begin = time.perf_counter()
    subprocess.run([ROOT / "build/bin/bitpipe-opt", folder / "kernels.mlir", "-o", "/dev/null",
                    f"--pass-pipeline=builtin.module(pipe-compile-kernels{{output={folder}/kernels.so}})"],
                   check=True)
    print(f"{len(texts)} kernels compiled in {time.perf_counter() - begin:.2f} s")
    return ctypes.CDLL(str(folder / "kernels.so"))


def whole(library, name):
    """A kernel as a function of its arguments alone."""
    units, _, finishes = (ctypes.c_int64 * 3).in_dll(library, f"{name}_units")
    function, first, last = library[name], ctypes.c_int64(0), ctypes.c_int64(units)
    if not finishes:
        return lambda arguments: function(arguments, first, last)

    def both(arguments):
        function(arguments, first, last)
        function(arguments, last, last)
    return both


def keep_memory():
    """Lets PyTorch's temporaries reuse their memory instead of mapping it anew."""
    libc = ctypes.CDLL(None)
    trim_threshold, mmap_threshold = -1, -3
    libc.mallopt(mmap_threshold, 1 << 30)
    libc.mallopt(trim_threshold, 1 << 30)


def best_of(call, seconds=0.2):
    call()
    best, end = math.inf, time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - begin)
    return best


def difference(case, function):
    """The largest difference to PyTorch's, relative to the largest number."""
    for tensor in case.outputs:
        tensor.zero_()
    function(case.pack())
    worst = 0.0
    for ours, theirs in zip(case.outputs, case.reference()):
        theirs = theirs.reshape(ours.shape)
        worst = max(worst, float((ours - theirs).abs().max() / theirs.abs().max()))
    return worst


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=256)
    options.add_argument("--columns", default="512,2048,8192")
    options.add_argument("--only", default="")
    options = options.parse_args()
    torch.set_num_threads(1)
    keep_memory()
    chosen = [(n, c) for n in map(int, options.columns.split(","))
              for c in cases(options.rows, n) if re.search(options.only, c.name)]
    library = compile([case.text for _, case in chosen])
    print(f"{'kernel':24}{'shape':>12}{'us':>10}{'PyTorch':>10}{'GB/s':>8}{'faster':>9}{'difference':>12}")
    for columns, case in chosen:
        shape = f"{options.rows}x{columns}"
        function, arguments = whole(library, f"{case.name}_{shape}"), case.pack()
        wrong = difference(case, function)
        ours, theirs = best_of(lambda: function(arguments)), best_of(case.reference)
        print(f"{case.name:24}{shape:>12}{ours * 1e6:10.1f}{theirs * 1e6:10.1f}"
              f"{case.bytes() / ours / 1e9:8.1f}{theirs / ours:8.2f}x{wrong:12.1e}")


if __name__ == "__main__":
    main()
