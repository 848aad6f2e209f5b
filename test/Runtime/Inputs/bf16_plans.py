"""Edits a plan of bf16 so that types or places of working weights are wrong, and prints what bitpipe-run says of each.

    bf16_plans.py PLAN DATA
"""

import pathlib
import re
import subprocess
import sys

source, data = pathlib.Path(sys.argv[1]), sys.argv[2]
text = source.read_text()
edited = source.parent / "edited.mlir"


def attempt(what, pattern, replacement):
    mutant, count = re.subn(pattern, replacement, text, count=1)
    assert count == 1, (what, pattern)
    edited.write_text(mutant)
    done = subprocess.run(["bitpipe-run", edited, f"--data={data}", "--steps=1"], capture_output=True, text=True, timeout=120)
    print(f"{what}: {done.stderr.strip()} (exit {done.returncode})")


attempt("operands of f32", r"types \[bf16, bf16, bf16\]", "types [f32, f32, f32]")
attempt("result of f32", r"types \[bf16, bf16, bf16\]", "types [bf16, bf16, f32]")
attempt("one operand of f32", r"types \[bf16, bf16, bf16\]", "types [bf16, f32, f32]")
attempt("a type that is none", r"types \[bf16, bf16, bf16\]", "types [f16, f16, f16]")
attempt("too few types", r"types \[bf16, bf16, bf16\]", "types [bf16, bf16]")
attempt("odd place", r"(pipe.matmul <\d+, )\d+(>.* types \[bf16)", r"\g<1>1\g<2>")
attempt("copy elsewhere", r"(pipe.resident .* trainable.* working \d+) 0\n", r"\g<1> 64\n")
attempt("copy in another slot", r"(pipe.resident .* trainable.* working) \d+ 0\n", r"\g<1> 0 0\n")
attempt("copy without a place", r"(pipe.resident .* trainable.* working) \d+ 0\n", r"\g<1> 999 0\n")
attempt("fewer rounded", r"(pipe.step .* working \d+) \d+", r"\g<1> 1")
attempt("more rounded", r"(pipe.step .* working \d+) \d+", r"\g<1> 4611686018427387904")
attempt("none rounded", r"(pipe.step .*) working \d+ \d+", r"\g<1>")
attempt("slot too small", r'("working" size) \d+', r"\g<1> 64")
attempt("another precision", r'precision = "bf16"', 'precision = "f16"')
