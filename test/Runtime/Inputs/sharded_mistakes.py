"""Edits the toy plan whose two devices step slices of both stages, in ways that would train something else or block,
and prints what bitpipe-run says.

    sharded_mistakes.py FOLDER BF16_PLAN DATA      the latter of a compiled plan whose weights have copies
"""

import pathlib
import re
import subprocess
import sys

folder = pathlib.Path(sys.argv[1])
lines = (folder / "plan.mlir").read_text().splitlines()
second = lines.index(next(line for line in lines if line.startswith("pipe.program device 1")))


def find(start, device=1):
    """The number of the line of a device that starts so."""
    span = range(second) if device == 0 else range(second, len(lines))
    return next(i for i in span if lines[i].startswith(start))


def attempt(name, edited, file=folder / "edited.mlir", data=folder / "data.safetensors"):
    file.write_text("\n".join(edited))
    result = subprocess.run(["bitpipe-run", file, f"--data={data}", "--steps=2"], capture_output=True, text=True, timeout=60)
    assert result.returncode == 1, (name, result)
    assert result.stderr.count("\n") == 1, (name, result.stderr)
    print(f"{name}: {result.stderr.strip()}")


def changed(number, old, new):
    assert re.search(old, lines[number]), (lines[number], old)
    return [re.sub(old, new, line, count=1) if i == number else line for i, line in enumerate(lines)]


def without(number):
    return [line for i, line in enumerate(lines) if i != number]


def moved(source, behind):
    edited = [line for i, line in enumerate(lines[:behind + 1]) if i != source]
    return edited + [lines[source]] + [line for i, line in enumerate(lines) if i > behind and i != source]


def on_both(start, old, new):
    """The same change on both devices."""
    numbers = find(start, 0), find(start, 1)
    return [re.sub(old, new, line, count=1) if i in numbers else line for i, line in enumerate(lines)]


STEP, SUM, GATHER = "pipe.step stages [0]", "pipe.reduce_scatter stages [0]", "pipe.all_gather stages [0]"
attempt("wrong range", changed(find(STEP), "from 48 to 96", "from 40 to 88"))
attempt("whole moments", changed(find(STEP), "from 48 to 96 ", ""))
sgd = [re.sub('"adamw"', '"sgd"', re.sub(r"moments \d+ \d+", "", line)) for line in lines]
attempt("whole step", [re.sub("from .* to .* weights", "weights", line) if line.startswith(STEP) else line for line in sgd])
attempt("range outside", changed(find(STEP), "from 48 to 96", "from 48 to 97"))
attempt("wrong kind of sum", on_both(SUM, "reduce_scatter(.*) slice 48", r"all_reduce\1"))
attempt("other kind on one", changed(find(SUM), "reduce_scatter(.*) slice 48", r"all_reduce\1"))
attempt("no gather", [line for line in lines if not line.startswith(GATHER)])
attempt("no gather on one", without(find(GATHER)))
attempt("no sum", [line for line in lines if not line.startswith(SUM)])
attempt("step before sum", moved(find(SUM), find(STEP)))
attempt("gather before step", moved(find(STEP), find(GATHER)))
attempt("gather before norm", moved(find(GATHER), find("pipe.reduce_scatter stages [1]")))
attempt("swapped gathers", moved(find(GATHER), find("pipe.all_gather stages [1]")))
attempt("gather twice", lines[:find(GATHER)] + [lines[find(GATHER)]] + lines[find(GATHER):])
attempt("gather of gradients", changed(find(GATHER), r"slot \d+", re.search(r"slot \d+", lines[find(SUM)])[0]))
attempt("other slices", changed(find(SUM), "slice 48", "slice 32"))
attempt("small slices", [line.replace("slice 48", "slice 32") if line.startswith((SUM, GATHER)) else line for line in lines])
attempt("huge slices", changed(find(SUM), "slice 48", f"slice {2**61}"))
attempt("no slices", changed(find(SUM), "slice 48", "slice 0"))
attempt("norm of others", changed(find("pipe.grad_norm"), r"from \[48", "from [0"))
attempt("norm twice", changed(find("pipe.grad_norm", 0), r"to \[48", "to [64"))
attempt("norm without some", changed(find("pipe.grad_norm"), r"from \[48", "from [64"))
attempt("norm outside", changed(find("pipe.grad_norm"), r"to \[96", "to [1000"))
attempt("norm of one begin", changed(find("pipe.grad_norm"), r"from \[48, ", "from ["))
attempt("moments of all", [re.sub(r'"moment1" size 192', '"moment1" size 188', line) for line in lines])

plan, data = map(pathlib.Path, sys.argv[2:])
lines = plan.read_text().splitlines()
line_of = lambda op: next(i for i, line in enumerate(lines) if line.strip().startswith(f"pipe.{op} "))
edited = plan.parent / "edited.mlir"
attempt("not rounded", without(line_of("round")), edited, data)
attempt("rounded early", moved(line_of("round"), line_of("step")), edited, data)
attempt("rounded some", changed(line_of("round"), r"elements \d+", "elements 64"), edited, data)
attempt("rounded slice", changed(line_of("step"), "$", re.search("working .*", lines[line_of("round")])[0] + " 64"), edited, data)
