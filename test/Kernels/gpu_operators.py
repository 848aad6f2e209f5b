"""Kernels of every operator that is imported, of the cases in test/Operators, as the CPU and an emulated GPU compute
them. What is compared is the memory that each kernel leaves, on random numbers."""

import argparse
import os
import sys
import tempfile

import onnx

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [FOLDER, os.path.join(FOLDER, "../Operators")]

import check_models  # noqa: E402
import harness  # noqa: E402
import table  # noqa: E402
from case import Model  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", default="1/1", help="part K of N")
    parser.add_argument("options", nargs="*", help="of bitpipe-opt")
    arguments = parser.parse_args()
    part, parts = map(int, arguments.part.split("/"))
    cases = [case for case in table.all_cases() if case.expect == "ok" and not case.type]
    variants = [variant for case in cases for variant in table.variants_of(case)]
    failed = 0
    for number, batch in enumerate(table.batches(variants, 60)):
        if number % parts != part - 1:
            continue
        with tempfile.TemporaryDirectory() as folder:
            model = os.path.join(folder, "model.onnx")
            onnx.save(Model(batch).proto(), model)
            program = check_models.lowered(model, folder, [*harness.OPTIONS, "--loss=loss", *arguments.options])
            if check_models.check(program, folder):
                print(f"among {[variant.name for variant in batch]}", file=sys.stderr)
                failed += 1
    sys.exit(failed != 0)


main()
