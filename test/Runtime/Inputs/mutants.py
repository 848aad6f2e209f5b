"""Edits numbers of a plan, COUNT single ones and a quarter as many pairs:
bitpipe-run trains or refuses with one line, but never crashes. Prints how many
did which.

    mutants.py FOLDER SEED COUNT [PLAN DATA]      without PLAN: the toy plan in FOLDER
"""

import pathlib
import random
import re
import subprocess
import sys

folder, seed, count = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
source = pathlib.Path(sys.argv[4]) if len(sys.argv) > 4 else folder / "plan.mlir"
data = sys.argv[5] if len(sys.argv) > 5 else folder / "data.safetensors"
text = source.read_text()
draw = random.Random(seed)
VALUES = [-1, 0, 1, 2, 4, 60, 64, 2**31, 2**32, 2**40, 2**61, 2**62, 2**62 + 1, 2**63 - 1, -2**63]
# Numbers that are no part of a name, a hash or a type's letters.
numbers = [m.span() for m in re.finditer(r"(?<![\w.\"])-?\d+(?![\w.\"])|(?<=[<x])\d+(?=x)", text)]
edited = source.parent / "mutant.mlir"
outcomes = {"trained": 0, "refused": 0}


def attempt(spans):
    mutant = text
    for begin, end in sorted(spans, reverse=True):
        old = int(text[begin:end])
        mutant = mutant[:begin] + str(draw.choice(VALUES + [old + 1, old - 1, old + 64, 2 * old])) + mutant[end:]
    edited.write_text(mutant)
    done = subprocess.run(["bitpipe-run", edited, f"--data={data}", "--steps=2"], capture_output=True, text=True,
                          timeout=120)
    where = text.count("\n", 0, spans[0][0]) + 1
    assert done.returncode in (0, 1, 2, 4), (seed, where, done.returncode, mutant.splitlines()[where - 1], done.stderr)
    if done.returncode in (1, 2):
        assert done.stderr.count("\n") == 1 and "error" in done.stderr, (seed, where, done.stderr)
    outcomes["trained" if done.returncode in (0, 4) else "refused"] += 1


chosen = draw.sample(numbers, min(count, len(numbers)))
for span in chosen:
    attempt([span])
for _ in range(len(chosen) // 4):
    attempt(draw.sample(numbers, 2))
edited.unlink()
print(outcomes)
assert outcomes["refused"] > outcomes["trained"] > 0
