"""Looks at the machine code of a GPT's kernels in bf16, and of the runtime's own, for loads and stores of global memory: they move
16 bytes at once, but for what is listed below.

    python wide_accesses.py BUILD PTXAS_FOLDER NVDISASM [--hidden 1024] [--heads 16] [--arch sm_90]

Shared memory has instructions of its own. Kernels without a large argument (a sum of losses) are left out.
"""
import argparse
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "../../bench"))
import sparse_models  # noqa: E402

LARGE = 1 << 16  # elements
ACCESS = re.compile(r"\b(?:LDG|STG|LDGSTS|LD|ST)\.\S+")
# Accesses of less in the code of a kernel, by its name without its number; all others have none.
NARROW = {
    "gather": (4, "the ids of rows, and the record of one that is out of range"),
    "gather_grad": (5, "rows are put in order by their ids, of which there is one for a row"),
    "gather_grad_1": (4, "ids, once more"),
    "elementwise_layer_norm": (2, "mean and deviation of a row"),
    "layer_norm_grad_input_elementwise": (2, "mean and deviation of a row"),
    "layer_norm_grad_params": (8, "mean and deviation of every row that a thread adds up"),
    "cross_entropy": (1, "the sum of a part of a row"),
    "cross_entropy_1": (7, "one number for each part of a row, its label and the logit there"),
    "cross_entropy_grad": (4, "label, maximum and sum of a row, the gradient of the loss"),
}
# Of the runtime's own: at least so many of 16 bytes, at most so many others.
OWN = {
    "bitpipe_adamw": (8, 18, "loads and stores of weights, gradients and moments; the step's verdict, copies in bf16, and which do not decay"),
    "bitpipe_sgd": (4, 17, "the same without moments"),
    "bitpipe_column_sums": (2, 14, "loads where rows are aligned; else one by one, as it finds when it runs, and what is stored of parts"),
    "bitpipe_clear": (1, 0, ""),
    "bitpipe_sum": (44, 0, ""),
    "bitpipe_round": (1, 1, "what is stored is half of what is loaded"),
}
# These may do as they like.
LEFT_OUT = {
    r"bitpipe_attention(_d\w+?)?(_bf16)?(_lanes)?": "rows of any length and alignment, which they look at when they run",
    r"bitpipe_squares": "one number for each thread, so that the order of a sum is that of any length",
    r"bitpipe_add_partials": "one number for each thread, of vectors as long as a bias",
    r"bitpipe_(start|judge|judge_between|contribute)": "a few numbers for each device",
}
# What products of tensor cores read of rows goes to shared memory by itself.
COPYING = re.compile(r"bitpipe_attention(_dq|_dkv)?_(plain|general)_\d+")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def accesses(nvdisasm, code):
    """By kernel: those of 16 bytes or more, and the others."""
    kernels = {}
    for name, body in re.findall(r"^\.text\.(\w+):(.*?)(?=^//---|\Z)", run(nvdisasm, "-c", code), re.S | re.M):
        found = ACCESS.findall(body)
        kernels[name] = [[access for access in found if bool(re.search(r"\.(128|256)", access)) == wide] for wide in (True, False)]
    return kernels


def large_kernels(program):
    """The names of those that have a large argument."""
    with open(program) as file:
        functions = re.findall(r"func\.func @(\w+)\((.*?)\) \{", file.read())

    def sizes(arguments):
        return [math.prod(int(size) for size in shape.split("x")[:-1]) for shape in re.findall(r"memref<([\dx]*\w+)", arguments)]

    return {name for name, arguments in functions if max(sizes(arguments), default=0) >= LARGE}


def model_problems(options, nvdisasm, ptxas, folder):
    def path(name):
        return os.path.join(folder, name)

    sparse_models.gpt(pathlib.Path(folder), 2, options.hidden, options.heads, 1024, 50304, 8)
    run("bitpipe-opt", path("model.onnx"), "--pipeline=1f1b", "--devices=1", "--microbatches=2", "--precision=bf16", "--emit=program", "-o",
        path("program.mlir"))
    run("bitpipe-opt", path("program.mlir"), f"--pipe-compile-gpu-kernels=output={path('kernels.ptx')} arch={options.arch}", "-o", os.devnull)
    run(ptxas, f"-arch={options.arch}", path("kernels.ptx"), "-o", path("code"))
    large, seen = large_kernels(path("program.mlir")), set()
    for name, (wide, narrow) in accesses(nvdisasm, path("code")).items():
        kind, number, launch = re.fullmatch(r"(\w+?)_(\d+)(_\d+)?", name).groups()
        if f"{kind}_{number}" not in large:
            continue
        seen.add(kind + (launch or ""))
        most = NARROW.get(kind + (launch or ""), (0, ""))[0]
        if len(narrow) > most or not wide and not most:
            yield f"{name}: {len(wide)} accesses of 16 bytes, {len(narrow)} of less ({', '.join(sorted(set(narrow)))}), expected at most {most}"
    yield from (f"no kernel {name}" for name in NARROW.keys() - seen)


def own_problems(options, nvdisasm):
    kernels = accesses(nvdisasm, os.path.join(options.build, f"lib/Runtime/own_kernels.{options.arch}.cubin"))
    for name, (least, most, _) in OWN.items():
        wide, narrow = kernels[name]
        if len(wide) < least or len(narrow) > most:
            yield f"{name}: {len(wide)} accesses of 16 bytes and {len(narrow)} of less, expected at least {least} and at most {most}"
    copying = [name for name in kernels if COPYING.fullmatch(name)]
    for name in copying:
        wide, narrow = ([access for access in kind if access.startswith("LDGSTS")] for kind in kernels[name])
        if narrow or not wide:
            yield f"{name}: {len(wide)} copies of 16 bytes and {len(narrow)} of less into shared memory, expected none of less"
    for name in kernels.keys() - OWN.keys() - set(copying):
        if not any(re.fullmatch(pattern, name) for pattern in LEFT_OUT):
            yield f"{name}: nothing says how it is to access memory"
    if not copying:
        yield "no kernel of attention on tensor cores"


def main():
    parser = argparse.ArgumentParser()
    for name in ("build", "ptxas_folder", "nvdisasm"):
        parser.add_argument(name)
    parser.add_argument("--hidden", type=int, default=1024)
    parser.add_argument("--heads", type=int, default=16)
    parser.add_argument("--arch", default="sm_90")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        problems = [*model_problems(options, options.nvdisasm, os.path.join(options.ptxas_folder, "ptxas"), folder),
                    *own_problems(options, options.nvdisasm)]
    print("\n".join(problems) or "16 bytes at once")
    sys.exit(len(problems) > 0)


main()
