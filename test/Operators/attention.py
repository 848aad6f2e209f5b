"""Attention in one piece and in several operations: gradients of both against PyTorch in float64.

    python attention.py [NAME...]       # without names: every case of cases_attention.py, and dropout

Every case has one attention, which has to be in one piece.
"""

import os
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import torch

import cases_attention
import harness
from case import Case, Model, Variant
from table import variants_of

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../EndToEnd"))
from dropout_masks import key_of, mask  # noqa: E402

RATIO = 0.3


def with_dropout():
    """The masks of the first dropout of a model, in the first micro-batch of the first step of seed 0."""
    for name, options in (("plain", {}), ("merged", {})):
        a = cases_attention.Attention("dropout-" + name)
        (a.merge() if name == "merged" else a.product()).done(ratio=RATIO)
        shape = (a.b, a.h, a.r, a.c)

        def fn(tensors, a=a, shape=shape):
            q, k, v = (
                tensors[n].reshape(a.b, -1, a.h, size).transpose(1, 2)
                for n, size in (("pq", a.d), ("xk", a.d), ("pv", a.v))
            )
            drawn = torch.from_numpy(mask(shape, RATIO, key_of(0, 0, 0, 0))).to(q.dtype)
            shares = torch.softmax(q @ k.transpose(-1, -2) * tensors["scale"], -1) * drawn
            return torch.tanh((shares @ v).transpose(1, 2).reshape(a.b, a.r, -1))

        yield Case("dropout-" + name, a.nodes, fn, a.values, constants=a.constants)


def in_several(variants, folder):
    """What the compiler says of the attentions that it leaves in several operations, or how many it did not see."""
    path = os.path.join(folder, "model.onnx")
    onnx.save(Model(variants).proto(), path)
    done = subprocess.run(["bitpipe-opt", path, "--loss=loss", "--emit=graph"], capture_output=True, text=True)
    if done.returncode:
        return done.stderr.splitlines()[:5]
    count = len(re.findall(r"= pipe\.attention ", done.stdout))
    notes = [line for line in done.stderr.splitlines() if ": note: " in line]
    return notes or ([f"{count} of {len(variants)} attentions are in one piece"] if count != len(variants) else [])


def check(variants, folder):
    for problem in in_several(variants, folder):
        yield "in one piece", problem
    for how in ("fused", "decomposed"):
        for variant, kind, text in harness.check(variants, [*harness.OPTIONS, f"--attention={how}"]):
            yield f"{variant.name}, {how}", f"{kind}: {text}"


def main():
    torch.set_num_threads(1)
    wanted = tuple(sys.argv[1:])
    chosen = lambda cases: [case for case in cases if not wanted or case.name.startswith(wanted)]
    groups = [[variant for case in chosen(cases_attention.cases()) for variant in variants_of(case)]]
    groups += [[variant] for case in chosen(with_dropout()) for variant in variants_of(case)]
    problems = 0
    with tempfile.TemporaryDirectory() as folder:
        for group in groups:
            for name, text in check(group, folder) if group else []:
                print(f"{name}: {text}", flush=True)
                problems += 1
    count = sum(map(len, groups))
    print(f"{count} cases, {problems} wrong")
    sys.exit(bool(problems or not count))


if __name__ == "__main__":
    main()
