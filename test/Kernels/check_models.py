"""Compiles a model for the CPU and for an emulated GPU, runs every kernel of both on random numbers, and compares what
they leave in memory: threads that share the work change the order of sums, and nothing else. The order in which threads
have their turn changes no bit."""

import argparse
import os
import re
import subprocess
import sys
import tempfile

import torch

from loaded import CPUKernels, GPUKernels

TYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f64": torch.float64, "i64": torch.int64,
         "i32": torch.int32, "i16": torch.int16, "i8": torch.int8, "i1": torch.uint8}
FUNCTION = re.compile(r"func\.func @(\S+?)\((.*?)\) ?(?:attributes )?{")
ARGUMENT = re.compile(r"%\w+: memref<((?:\d+x)*)(\w+)(?:, strided<\[([\d, ]*)\](?:, offset: (\d+))?>)?>")


def compile_both(program, folder):
    """The kernels of a module of level 3 before kernels are compiled, by both passes."""
    cpu, gpu, plan = (os.path.join(folder, name) for name in ("cpu.so", "gpu.so", "plan.mlir"))
    subprocess.run(["bitpipe-opt", program, f"--pipe-compile-kernels=output={cpu}", "-o", os.devnull], check=True)
    subprocess.run(["bitpipe-opt", program, f"--pipe-compile-gpu-kernels=output={gpu} arch=emulated", "-o", plan], check=True)
    return CPUKernels(cpu), GPUKernels(gpu, plan)


def functions(program):
    """Name, and the element type, sizes, and elements that every argument reaches."""
    for name, arguments in FUNCTION.findall(open(program).read()):
        yield name, [argument_of(*groups) for groups in ARGUMENT.findall(arguments)]


def argument_of(sizes, element, strides, offset):
    sizes = [int(size) for size in sizes.split("x") if size]
    if strides:
        steps = [int(step) for step in strides.split(",") if step.strip()]
    else:
        steps = [1] * len(sizes)
        for d in range(len(sizes) - 1, 0, -1):
            steps[d - 1] = steps[d] * sizes[d]
    reach = int(offset or 0) + 1 + sum((size - 1) * step for size, step in zip(sizes, steps))
    return element, sizes, reach


def filled(element, reach, smallest):
    """Random elements; indices that every table of the kernel has, and some -100 that labels have."""
    dtype = TYPES[element]
    if element == "i1":
        return torch.randint(0, 2, (reach,)).to(dtype)
    if dtype.is_floating_point:
        return torch.randn(reach).to(dtype)
    return torch.randint(0, max(smallest, 1), (reach,)).to(dtype)


def difference(ours, theirs, tolerance):
    """How far two results are apart, in what is allowed; 0 where all bits are the same."""
    if torch.equal(ours.view(torch.uint8), theirs.view(torch.uint8)):
        return 0
    if not ours.dtype.is_floating_point:
        return float("inf")
    a, b = ours.double(), theirs.double()
    if not torch.equal(a.isnan(), b.isnan()) or not torch.equal(a.isinf(), b.isinf()):
        return float("inf")
    finite = b.isfinite()
    if not finite.any():
        return 0
    a, b = a[finite], b[finite]
    rounding = 2.0**-7 if ours.dtype == torch.bfloat16 else 0
    allowed = tolerance * max(1.0, float(b.abs().max())) + rounding * b.abs()
    return float(((a - b).abs() / allowed).max())


def compare(name, arguments, cpu, gpu, tolerance):
    torch.manual_seed(0)
    smallest = min([sizes[0] for element, sizes, _ in arguments if sizes and element not in ("i64", "i32")], default=2)
    lengths = [sizes[-1] for element, sizes, _ in arguments if len(sizes) > 1]
    before = [filled(element, reach, min([smallest] + lengths)) for element, _, reach in arguments]
    results = []
    for kernels, backward in (cpu, False), (gpu, False), (gpu, True):
        kernels.backward = backward
        memory = [tensor.clone() for tensor in before]
        kernels.run(name, [tensor.data_ptr() for tensor in memory])
        results.append(memory)
    if not all(torch.equal(a.view(torch.uint8), b.view(torch.uint8)) for a, b in zip(results[1], results[2])):
        print(f"{name}: other bits where threads have their turn backward", file=sys.stderr)
        return float("inf")
    return max((difference(ours, theirs, tolerance) for ours, theirs in zip(results[1], results[0])), default=0)


def lowered(model, folder, options):
    program = os.path.join(folder, "program.mlir")
    subprocess.run(["bitpipe-opt", model, *options, "--emit=program", "-o", program], check=True)
    return program


def check(program, folder, tolerance=1e-5, everything=False):
    """Whether any kernel of a module differs; says how many do."""
    cpu, gpu = compile_both(program, folder)
    count = exact = wrong = 0
    for name, types in functions(program):
        worst = compare(name, types, cpu, gpu, tolerance)
        count, exact, wrong = count + 1, exact + (worst == 0), wrong + (worst > 1)
        if everything or worst > 1:
            print(f"{name}: {worst:.3g} of what is allowed", file=sys.stderr if worst > 1 else sys.stdout)
    print(f"{count} kernels, {exact} to the same bits, {wrong} wrong")
    return wrong != 0 or count == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("input", help="a model, or a module of kernels")
    parser.add_argument("--tolerance", type=float, default=1e-5, help="of f32, beside the largest number")
    parser.add_argument("--list", action="store_true", help="print every kernel's difference")
    parser.add_argument("options", nargs="*", help="of bitpipe-opt")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        program = arguments.input
        if program.endswith(".onnx"):
            program = lowered(program, folder, ["--pipeline=1f1b", "--devices=2", *arguments.options])
        sys.exit(check(program, folder, arguments.tolerance, arguments.list))


if __name__ == "__main__":
    main()
