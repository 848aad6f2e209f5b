"""Every operator that is imported: its values against onnxruntime and PyTorch, its gradients against PyTorch.

    python table.py [NAME...] [--part K/N] [--keep DIR] [--bf16] [--list]

Runs the cases of every cases_*.py beside this file, or those whose names begin with one of the given ones. An
operator that bitpipe-opt imports and no case uses is an error. Many cases share one model; where one fails it is
found, and --keep leaves its model, data and plan behind. --bf16 compiles them with --precision=bf16, and allows what
rounding to 8 bits does to one number that is made of few.
"""

import argparse
import collections
import glob
import importlib
import os
import sys
import tempfile
import time

import ml_dtypes
import numpy as np
import torch

import harness
import interpreter
from case import Case, Variant

BF16_TOLERANCE = 0.1
TYPES = {"f16": np.float16, "bf16": ml_dtypes.bfloat16, "f64": np.float64}


def all_cases():
    folder = os.path.dirname(os.path.abspath(__file__))
    cases = []
    for path in sorted(glob.glob(os.path.join(folder, "cases_*.py"))):
        cases += importlib.import_module(os.path.basename(path)[:-3]).cases()
    cases += retyped(cases)
    seen = collections.Counter()
    for case in cases:
        seen[case.name] += 1
        case.name += f"#{seen[case.name]}" if seen[case.name] > 1 else ""
    return cases


def retyped(cases):
    """One case of every operator, once more in each of the other float types."""
    own_types = {"Cast", "Constant", "ConstantOfShape", "Range"}
    covered, chosen = set(), []
    for case in cases:
        kinds = {kind for kind, _, _, _ in case.nodes}
        floats = [v for v in (case.values | case.constants).values() if v.dtype.kind == "f"]
        fit = floats and all(np.abs(v).max(initial=0) < 1000 for v in floats)
        ordered = "TopK" in kinds  # what is rounded may be equal, where PyTorch has no rule
        if case.expect == "ok" and fit and kinds - covered and not kinds & own_types and not ordered:
            chosen.append(case)
            covered |= kinds
    return [in_type(case, kind) for kind in TYPES for case in chosen]


def in_type(case, kind):
    rounded = lambda values: {
        n: v.astype(TYPES[kind]).astype(np.float32) if v.dtype.kind == "f" else v for n, v in values.items()
    }
    known = all(node in interpreter.FUNCTIONS for node, _, _, _ in case.nodes)
    return Case(
        f"{case.name}@{kind}",
        case.nodes,
        None if known else case.fn,  # which may have numbers that are not rounded
        rounded(case.values),
        case.opset,
        case.tol,
        constants=rounded(case.constants),
        outputs=case.outputs,
        type=TYPES[kind],
    )


def variants_of(case):
    """The case as it stands, and with every float as a parameter."""
    own, every = case.trained(False), case.trained(True)
    if case.type:
        return [Variant(case, not own)]
    return [Variant(case, True)] * (every != own) + [Variant(case, False)] * bool(own or not every)


def uncovered(cases):
    with tempfile.TemporaryDirectory() as folder:
        known, _ = harness.operators(folder)
    used = {kind for case in cases if case.expect == "ok" for kind, _, _, _ in case.nodes}
    return [kind for kind in known if kind not in used]


def batches(variants, size):
    """Variants in groups that fit into one model: of one operator set, each with words it is refused by on its own."""
    groups = collections.defaultdict(list)
    for variant in variants:
        groups[(variant.case.opset, "" if variant.case.expect == "ok" else variant.name)].append(variant)
    for group in groups.values():
        count = -(-len(group) // size)
        yield from (group[i::count] for i in range(count))


def check(variants, compared, keep):
    """What is wrong with each: (name, text). `compared`: the cases that onnxruntime has seen, and
    why it did not run them."""
    found = {variant: (kind, text) for variant, kind, text in harness.check(variants, harness.OPTIONS)}
    for variant in variants:
        kind, text = found.get(variant, ("ok", ""))
        expect = variant.case.expect
        if kind == "ok" and expect == "ok":
            if variant.case in compared:
                continue
            differs = harness.onnxruntime_differs(variant)
            compared[variant.case] = differs if differs.startswith("onnxruntime cannot") else ""
            if differs and not compared[variant.case]:
                yield variant.name, differs
        elif kind == "ok":
            yield variant.name, f"is accepted, expected to be refused with '{expect}'"
        elif kind != "refused" or expect == "ok" or expect not in text:
            yield variant.name, f"{kind}: {text}"
        if keep and kind != "ok":
            list(harness.check([variant], keep=os.path.join(keep, variant.name.replace("/", "-"))))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--part", default="1/1", help="part K of N")
    parser.add_argument("--keep", help="folder for the files of what fails")
    parser.add_argument("--list", action="store_true", help="print the names only")
    parser.add_argument("--bf16", action="store_true", help="in another precision")
    parser.add_argument("--batch", type=int, default=60, help="variants per model")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    start = time.time()
    cases = all_cases()
    missing = uncovered(cases)
    for kind in missing:
        print(f"{kind} is imported and no case uses it")
    if arguments.names:
        cases = [case for case in cases if case.name.startswith(tuple(arguments.names))]
    if arguments.bf16:
        cases = [case for case in cases if case.expect == "ok" and not case.type]
        harness.OPTIONS.append("--precision=bf16")
        harness.SUM_TOLERANCE = BF16_TOLERANCE
        for case in cases:
            case.tol = max(case.tol, BF16_TOLERANCE)
    if arguments.list:
        print(*(case.name for case in cases), sep="\n")
        return
    part, parts = map(int, arguments.part.split("/"))
    variants = [variant for case in cases for variant in variants_of(case)]
    groups = list(batches(variants, arguments.batch))[part - 1 :: parts]
    problems, compared = [], {case: "" for case in cases if arguments.bf16}  # onnxruntime does not round
    for group in groups:
        for name, text in check(group, compared, arguments.keep):
            problems.append(name)
            print(f"{name}: {text}", flush=True)
    alone = [case.name for case, why in compared.items() if why]
    if alone:
        print(f"against PyTorch only, onnxruntime cannot run them: {', '.join(alone)}")
    count = sum(map(len, groups))
    print(f"{count} cases of {len(variants)}, {len(problems)} wrong, {time.time() - start:.0f} s")
    sys.exit(bool(problems or missing or not count))


if __name__ == "__main__":
    main()
