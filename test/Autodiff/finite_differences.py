"""Differentiates the cases, compiles them with the differences of their
values, runs both and compares."""

import argparse
import random
import re
import subprocess
import sys

import gradient_cases_model  # noqa: F401, adds its own to the list
from gradient_cases import CASES

STEP = 1e-5
TOLERANCE = 2e-8

BUFFERIZE = ("--one-shot-bufferize=bufferize-function-boundaries "
             "function-boundary-type-conversion=identity-layout-map")
LOWER = ["--pipe-compute-to-loops", "--convert-linalg-to-loops", "--convert-scf-to-cf",
         "--expand-strided-metadata", "--lower-affine", "--math-expand-ops=ops=rsqrt",
         "--convert-math-to-funcs",
         "--convert-math-to-libm",
         "--convert-vector-to-llvm", "--convert-to-llvm", "--reconcile-unrealized-casts"]


def run(command, text):
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr[:4000]}")
    return done.stdout


def signatures(module):
    """Argument and result types of every function, in order."""
    found = {}
    for line in module.splitlines():
        head = re.match(r"\s*func\.func @(\w+)\((.*?)\)(?: -> (.*))? \{$", line)
        if head:
            kinds = [re.findall(r"tensor<[^>]*>", part or "") for part in head.groups()[1:]]
            found[head[1]] = kinds
    return found


def dense(argument, source):
    shape = list(argument.value.shape)
    values = argument.values or [source.uniform(-2, 2) for _ in range(count(shape))]
    def nest(flat, shape):
        if not shape:
            return str(flat[0])
        step = len(flat) // shape[0]
        return "[" + ", ".join(nest(flat[i * step:(i + 1) * step], shape[1:])
                               for i in range(shape[0])) + "]"
    return f"arith.constant dense<{nest(values, shape)}> : {argument.value.type}"


def count(shape):
    total = 1
    for n in shape:
        total *= n
    return total


class Main:
    """The text of a case's comparison."""

    def __init__(self, stage, functions, source):
        self.stage, self.functions, self.source = stage, functions, source
        self.lines, self.next = [], 0

    def put(self, text, results=1):
        self.next += 1
        name = f"%m{self.next}"
        self.lines.append(f"    {name}{f':{results}' if results > 1 else ''} = {text}")
        return [f"{name}#{i}" for i in range(results)] if results > 1 else [name]

    def call(self, name, operands):
        arguments, results = self.functions[name]
        # A single result has no number.
        return self.put(f"func.call @{name}({', '.join(operands)}) : "
                        f"({', '.join(arguments)}) -> ({', '.join(results)})", len(results))

    def random(self, value):
        return self.put(dense(type("A", (), {"value": value, "values": None}), self.source))[0]

    def dot(self, a, b, value):
        dims = ", ".join(f"d{i}" for i in range(len(value.shape)))
        maps = f"affine_map<({dims}) -> ({dims})>"
        kinds = ", ".join(['"reduction"'] * len(value.shape))
        zero = self.put("arith.constant dense<0.0> : tensor<f64>")[0]
        sum = self.put(
            f"linalg.generic {{indexing_maps = [{maps}, {maps}, affine_map<({dims}) -> ()>], "
            f"iterator_types = [{kinds}]}} ins({a}, {b} : {value.type}, {value.type}) "
            f"outs({zero} : tensor<f64>) {{\n    ^bb0(%a: f64, %b: f64, %s: f64):\n"
            "      %p = arith.mulf %a, %b : f64\n      %t = arith.addf %s, %p : f64\n"
            "      linalg.yield %t : f64\n    } -> tensor<f64>")[0]
        return self.put(f"tensor.extract {sum}[] : tensor<f64>")[0]

    def parameters(self, operands):
        return [operands[i] for i, a in enumerate(self.stage.arguments) if a.kind == "parameter"]

    def forward(self, operands, seeds):
        """The results of the stage and what it saves; with the loss in the input gradient, its results too."""
        stage, out = self.stage, self.call(self.stage.name, operands)
        if stage.joint is None:
            return out[: len(stage.results)], out[len(stage.results) :], None
        sums = [self.starts[i] for i in self.joint_starts]
        inputs = self.call(stage.name + "_input_gradient", seeds + out + self.parameters(operands) + sums)
        return inputs[len(self.carried) :][:1], out, inputs

    def loss(self, operands, seeds):
        """What the gradients are of: the results weighted with the seeds."""
        results, _, _ = self.forward(operands, seeds)
        total = self.put("arith.constant 0.0 : f64")[0]
        weights = iter(seeds)
        for value, has, result in zip(self.stage.results, self.stage.result_gradients, results):
            if has:
                total = self.put(f"arith.addf {total}, {self.dot(result, next(weights), value)} : f64")[0]
        return total

    def moved(self, name, value, step):
        """The argument with the element at %flat moved."""
        places, rest = [], "%flat"
        for n in reversed(value.shape):
            size = self.put(f"arith.constant {n} : index")[0]
            places.insert(0, self.put(f"arith.remui {rest}, {size} : index")[0])
            rest = self.put(f"arith.divui {rest}, {size} : index")[0]
        at = f"[{', '.join(places)}]"
        old = self.put(f"tensor.extract {name}{at} : {value.type}")[0]
        delta = self.put(f"arith.constant {step:.17e} : f64")[0]
        new = self.put(f"arith.addf {old}, {delta} : f64")[0]
        return self.put(f"tensor.insert {new} into {name}{at} : {value.type}")[0], at

    def compare(self, operands, seeds, i, gradient, start):
        """Prints the largest error over an argument's elements."""
        value = self.stage.arguments[i].value
        c0, c1, size = (self.put(f"arith.constant {n} : index")[0]
                        for n in (0, 1, count(value.shape)))
        zero = self.put("arith.constant 0.0 : f64")[0]
        self.next += 1
        worst = f"%m{self.next}"
        self.lines.append(f"    {worst} = scf.for %flat = {c0} to {size} step {c1} "
                          f"iter_args(%worst = {zero}) -> (f64) {{")
        sides = []
        for step in (STEP, -STEP):
            moved, at = self.moved(operands[i], value, step)
            sides.append(self.loss(operands[:i] + [moved] + operands[i + 1:], seeds))
        difference = self.put(f"arith.subf {sides[0]}, {sides[1]} : f64")[0]
        width = self.put(f"arith.constant {2 * STEP:.17e} : f64")[0]
        slope = self.put(f"arith.divf {difference}, {width} : f64")[0]
        got = self.put(f"tensor.extract {gradient}{at} : {value.type}")[0]
        if start:
            before = self.put(f"tensor.extract {start}{at} : {value.type}")[0]
            got = self.put(f"arith.subf {got}, {before} : f64")[0]
        error = self.put(f"arith.subf {got}, {slope} : f64")[0]
        size = self.put(f"math.absf {error} : f64")[0]
        worse = self.put(f"arith.maximumf %worst, {size} : f64")[0]
        self.lines += [f"    scf.yield {worse} : f64", "    }",
                       f"    vector.print {worst} : f64"]

    def text(self):
        stage, name = self.stage, self.stage.name
        operands = [self.put(dense(a, self.source))[0] for a in stage.arguments]
        trainable = [i for i, a in enumerate(stage.arguments)
                     if a.kind == "parameter" and a.gradient]
        carried = [i for i, a in enumerate(stage.arguments)
                   if a.kind == "carried" and a.gradient]
        seeds = [self.random(v) for v, has in zip(stage.results, stage.result_gradients) if has]
        starts = [self.random(stage.arguments[i].value) for i in trainable]
        numbers = [i for i, a in enumerate(stage.arguments) if a.kind == "parameter"]
        self.carried, self.starts = carried, starts
        self.joint_starts = [trainable.index(numbers[p]) for p in stage.joint or []]
        _, saved, inputs = self.forward(operands, seeds)
        if inputs is None:
            inputs = self.call(name + "_input_gradient", seeds + saved + self.parameters(operands))
        sums, kept = list(starts), inputs[len(carried):]
        if stage.joint is not None:
            for place, sum in zip(self.joint_starts, kept[1:]):
                sums[place] = sum
            kept = kept[1 + len(stage.joint):]
        weights = []
        if trainable:
            weights = self.call(name + "_weight_gradient", kept + sums)
        for i, gradient in zip(carried, inputs):
            self.compare(operands, seeds, i, gradient, None)
        for i, gradient, start in zip(trainable, weights, starts):
            self.compare(operands, seeds, i, gradient, start)
        compared = [f"{name}, gradient of argument {i}" for i in carried + trainable]
        return [f"  func.func @check_{name}() {{", *self.lines, "    return", "  }"], compared


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--libraries", required=True)
    options.add_argument("--only", default="", help="cases whose names hold this")
    arguments = options.parse_args()
    stages = [s for s in CASES if arguments.only in s.name]
    text = "module {\n" + "".join(s.text(i) for i, s in enumerate(stages)) + "}\n"
    module = run(["bitpipe-opt", "--pipe-differentiate", "--pipe-chunk-loss=bytes=1", "--canonicalize", "--cse"], text)
    functions = signatures(module)
    source = random.Random(0)
    lines, compared = [], []
    for stage in stages:
        more, what = Main(stage, functions, source).text()
        lines += more
        compared += what
    calls = [f"    func.call @check_{s.name}() : () -> ()" for s in stages]
    lines += ["  func.func @main() {", *calls, "    return", "  }"]
    functions_only = [l for l in module.rstrip().splitlines()[:-1]
                      if not l.strip().startswith(("pipe.stage", "pipe.parameter"))]
    compiled = run(["bitpipe-opt", "--canonicalize", BUFFERIZE, *LOWER],
                   "\n".join(functions_only + lines + ["}"]))
    libraries = ",".join(f"{arguments.libraries}/libmlir_{n}_utils.so"
                         for n in ("runner", "c_runner"))
    printed = run(["mlir-runner", "--entry-point-result=void",
                   f"--shared-libs={libraries}"], compiled)
    errors = [float(line) for line in printed.split()]
    assert len(errors) == len(compared), printed
    wrong = [(w, e) for w, e in zip(compared, errors) if not e < TOLERANCE]
    for what, error in wrong:
        print(f"{what}: differs by {error}")
    print(f"{len(compared) - len(wrong)} of {len(compared)} gradients agree, "
          f"worst by {max(errors)}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
