"""Random graphs through the compiler and the runtime: values and gradients against PyTorch, values against onnxruntime.

    python random_graphs.py [--seeds 0-199] [--part K/N] [--keep DIR] [--no-shrink]

Every fifth seed has larger tensors. Three of four seeds share models of one device, ten graphs each. The fourth is cut into stages and trained with
several micro-batches by one of the schedules. A seed that fails is made smaller as long as it fails in the same way;
the seed and what is left are printed, and --keep leaves model, data and plan in DIR.
"""

import argparse
import os
import sys
import time

import numpy as np
import torch

import harness
from case import Variant
from generator import Generator
from shrink import shrink, show

PIPELINES = [  # schedule, devices, micro-batches
    ("bitpipe", 2, 4),
    ("1f1b", 2, 3),
    ("gpipe", 3, 2),
    ("bitpipe-zb", 2, 4),
    ("zb-h1", 2, 2),
    ("interleaved", 2, 4),
    ("zb-v", 2, 4),
    ("chimera", 4, 4),
    ("dualpipe", 2, 4),
    ("bitpipe", 4, 8),
]


def variant_of(seed):
    """The graph of a seed that float32 can compute: the first of a few tries."""
    pipeline = PIPELINES[seed // 4 % len(PIPELINES)] if seed % 4 == 3 else None
    for attempt in range(20):
        case = Generator([seed, attempt], wide=seed % 5 == 2).graph(f"graph-{seed}")
        variant = Variant(case, everything=seed % 3 == 0, samples=pipeline[2] if pipeline else 1)
        if case.outputs and variant.trained and harness.well_conditioned(variant):
            return variant, pipeline
    raise AssertionError(f"seed {seed} makes no graph that float32 can compute")


def options_of(pipeline):
    if not pipeline:
        return harness.OPTIONS
    name, devices, microbatches = pipeline
    return [f"--pipeline={name}", f"--devices={devices}", f"--microbatches={microbatches}"]


def failures(variants, pipeline):
    wrong = list(harness.check(variants, options_of(pipeline)))
    yield from wrong
    for variant in set(variants) - {variant for variant, _, _ in wrong}:
        differs = harness.onnxruntime_differs(variant)
        if differs:
            yield variant, "onnxruntime", differs


def report(variant, kind, text, pipeline, arguments):
    print(f"{variant.name} ({' '.join(options_of(pipeline))}): {kind}: {text}", flush=True)
    if kind == "onnxruntime":
        return
    if not arguments.no_shrink:
        variant = shrink(variant, kind, options_of(pipeline))
        print(show(variant), flush=True)
    if arguments.keep:
        folder = os.path.join(arguments.keep, variant.name)
        for _, kind, text in harness.check([variant], options_of(pipeline), folder):
            print(f"{folder}: {kind}: {text}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0-199", help="FIRST-LAST or one seed")
    parser.add_argument("--part", default="1/1", help="part K of N")
    parser.add_argument("--keep", help="folder for the files of what fails")
    parser.add_argument("--no-shrink", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    start = time.time()
    first, _, last = arguments.seeds.partition("-")
    part, parts = map(int, arguments.part.split("/"))
    made = [variant_of(seed) for seed in range(int(first), int(last or first) + 1)[part - 1 :: parts]]
    together = [variant for variant, pipeline in made if not pipeline]
    groups = [(together[i : i + 10], None) for i in range(0, len(together), 10)]
    groups += [([variant], pipeline) for variant, pipeline in made if pipeline]
    wrong = 0
    for variants, pipeline in groups:
        for variant, kind, text in failures(variants, pipeline):
            wrong += 1
            report(variant, kind, text, pipeline, arguments)
    nodes = sum(len(variant.case.nodes) for variant, _ in made)
    print(f"{len(made)} graphs of {nodes} nodes, {wrong} wrong, {time.time() - start:.0f} s")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
