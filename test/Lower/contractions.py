"""Random contractions: whatever loops the operands have and however they lie, each
becomes routines that compute what numpy.einsum does. Prints the seed of what fails.

    contractions.py FOLDER [SEED [COUNT]]

As for GPUs, too, where products make sums of their operands: some contractions have such sums beside them."""

import ctypes
import os
import subprocess
import sys

import numpy
import routines


class Contraction:
    """Loops of every kind (batch, rows, columns, sum), each operand's in an order of
    its own. At times the result is started from a bias along some of its loops."""

    def __init__(self, seed):
        self.random = numpy.random.default_rng(seed)
        self.seed, self.name = seed, f"case{seed}"
        counts = self.random.integers(0, 3, 4)
        counts[0] *= self.random.random() < 0.5
        for kind in (1 + self.random.integers(2), 3):
            counts[kind] = max(counts[kind], 1)
        letters = iter("ijklmnop")
        batch, rows, columns, summed = ([next(letters) for _ in range(n)] for n in counts)
        self.loops = batch + rows + columns + summed
        self.sizes = dict(zip(self.loops, map(int, self.random.integers(1, 5, len(self.loops)))))
        self.a = self.shuffled(batch + rows + summed)
        self.b = self.shuffled(batch + columns + summed)
        self.c = self.shuffled(batch + rows + columns)
        keep = self.random.random(len(self.c)) < 0.5
        self.bias = [loop for loop, kept in zip(self.c, keep) if kept]
        self.has_bias = self.random.random() < 0.5
        # Of an operand over all that the contraction sums over, in front of it or behind.
        self.sums = [self.sum(operand) for operand in "ab" if self.random.random() < 0.5]

    def sum(self, operand):
        loops = getattr(self, operand)
        own = [loop for loop in loops if loop in self.c]
        return operand, loops, [own[i] for i in self.random.permutation(len(own))], self.random.random() < 0.5

    def shuffled(self, loops):
        return [loops[i] for i in self.random.permutation(len(loops))]

    def type(self, loops):
        return "tensor<" + "".join(f"{self.sizes[x]}x" for x in loops) + "f32>"

    def map(self, of, loops):
        return f"affine_map<({', '.join(of)}) -> ({', '.join(loops)})>"

    def text(self, stage):
        a, b, c, bias = (self.type(x) for x in (self.a, self.b, self.c, self.bias))
        maps = ", ".join(self.map(self.loops, x) for x in (self.a, self.b, self.c))
        kinds = ", ".join('"parallel"' if x in self.c else '"reduction"' for x in self.loops)
        start = (f"""linalg.generic {{indexing_maps = [{self.map(self.c, self.bias)}, {self.map(self.c, self.c)}],
      iterator_types = [{', '.join(['"parallel"'] * len(self.c))}]}} ins(%v : {bias}) outs(%e : {c}) {{
  ^bb0(%x: f32, %o: f32):
    linalg.yield %x : f32
  }} -> {c}""" if self.has_bias else f"linalg.fill ins(%zero : f32) outs(%e : {c}) -> {c}")
        results = ", ".join([c, *(self.type(own) for _, _, own, _ in self.sums)])
        return f"""func.func @{self.name}(%a: {a}, %b: {b}, %v: {bias}) -> ({results}) {{
  %zero = arith.constant 0.0 : f32
  %half = arith.constant 0.5 : f32
  %e = tensor.empty() : {c}
  %s = {start}
{"".join(self.sum_text(sum) for sum in self.sums if sum[3])}  %r = linalg.generic {{indexing_maps = [{maps}], iterator_types = [{kinds}]}}
    ins(%a, %b : {a}, {b}) outs(%s : {c}) {{
  ^bb0(%x: f32, %y: f32, %o: f32):
    %p = arith.mulf %x, %y : f32
    %t = arith.addf %o, %p : f32
    linalg.yield %t : f32
  }} -> {c}
{"".join(self.sum_text(sum) for sum in self.sums if not sum[3])}  return {", ".join(["%r", *(f"%sum_{sum[0]}" for sum in self.sums)])} : {results}
}}
pipe.stage {stage} forward @{self.name} inputs ["a", "b", "v"] parameters [] carried_in [] carried_out [{", ".join(["true"] * (1 + len(self.sums)))}] cost [0.0, 0.0, 0.0]
"""

    def sum_text(self, sum):
        operand, loops, own, _ = sum
        kinds = ", ".join('"parallel"' if x in own else '"reduction"' for x in loops)
        return f"""  %e_{operand} = tensor.empty() : {self.type(own)}
  %f_{operand} = linalg.fill ins(%half : f32) outs(%e_{operand} : {self.type(own)}) -> {self.type(own)}
  %sum_{operand} = linalg.generic {{indexing_maps = [{self.map(loops, loops)}, {self.map(loops, own)}], iterator_types = [{kinds}]}}
    ins(%{operand} : {self.type(loops)}) outs(%f_{operand} : {self.type(own)}) {{
  ^bb0(%x: f32, %o: f32):
    %t = arith.addf %o, %x : f32
    linalg.yield %t : f32
  }} -> {self.type(own)}
"""

    def agrees(self, text, library):
        a, b, v = (self.random.standard_normal([self.sizes[x] for x in loops]).astype(numpy.float32)
                   for loops in (self.a, self.b, self.bias))
        want = numpy.einsum(f"{''.join(self.a)},{''.join(self.b)}->{''.join(self.c)}", a, b)
        if self.has_bias:
            want = want + numpy.einsum(f"{''.join(self.bias)},{''.join(self.c)}->{''.join(self.c)}", v, numpy.ones_like(want))
        wanted = [want]
        for operand, loops, own, _ in self.sums:
            wanted.append(0.5 + numpy.einsum(f"{''.join(loops)}->{''.join(own)}", a if operand == "a" else b))
        out = routines.run(text, library, self.name, input_0=a, input_1=b, input_2=v)["carried_out"]
        begin, aligned = 0, 16  # elements
        for want in wanted:
            if not numpy.allclose(out[begin: begin + want.size].reshape(want.shape), want, rtol=1e-5, atol=1e-5):
                return False
            begin += -(-want.size // aligned) * aligned
        return True


LOSS = """func.func @loss(%l: tensor<f32>) -> tensor<f32> {
  return %l : tensor<f32>
}
pipe.stage STAGE forward @loss inputs ["l"] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]
"""


def check(folder, cases, target):
    steps = (["cases.mlir", f"--pass-pipeline=builtin.module(pipe-lower-stages{{target={target}}})", "-o", "routines.mlir"],
             ["routines.mlir", "--pipe-compile-kernels=output=kernels.so", "-o", "calls.mlir"])
    for arguments in steps:
        subprocess.run(["bitpipe-opt", *arguments], cwd=folder, check=True, timeout=300)
    os.rename(f"{folder}/kernels.so", f"{folder}/{target}.so")  # a library is loaded once by a name
    text, library = open(f"{folder}/calls.mlir").read(), ctypes.CDLL(f"{folder}/{target}.so")
    wrong = [case.seed for case in cases if not case.agrees(text, library)]
    sums, made = sum(len(case.sums) for case in cases), text.count("bias_gradient")
    print(f"{target}: {len(cases) - len(wrong)} of {len(cases)} contractions agree, not those of seeds {wrong}; "
          f"products make {made} of {sums} sums")
    return not wrong and (0 < made < sums if target == "cuda" else made == 0)


def main(folder, seed=0, count=150):
    cases = [Contraction(s) for s in range(int(seed), int(seed) + int(count))]
    with open(f"{folder}/cases.mlir", "w") as file:
        file.write("".join(case.text(i) for i, case in enumerate(cases)) + LOSS.replace("STAGE", str(len(cases))))
    sys.exit(not all([check(folder, cases, target) for target in ("cpu", "cuda")]))


if __name__ == "__main__":
    main(*sys.argv[1:])
