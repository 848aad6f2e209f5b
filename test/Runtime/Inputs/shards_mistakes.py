"""Edits compiled plans whose two replicas keep slices of their parameters, in f32 and in bf16, in ways that would train
something else or block, and prints what bitpipe-run says.

    shards_mistakes.py FOLDER MODEL_FOLDER
"""

import pathlib
import re
import subprocess
import sys

folder, model = map(pathlib.Path, sys.argv[1:])
folder.mkdir(parents=True, exist_ok=True)
plan, edited = folder / "plan.mlir", folder / "edited.mlir"


def compiled(*options):
    """The lines of a plan, and where those of its second device begin."""
    subprocess.run(["bitpipe-opt", model / "model.onnx", "--pipeline=breadth-first", "--devices=2", "--data-parallel=2",
                    "--microbatches=4", "--chunks=3", "--shard=parameters", *options, "--force", "-o", plan],
                   check=True, capture_output=True)
    found = [line.strip() for line in plan.read_text().splitlines()]
    return found, next(i for i, line in enumerate(found) if line.startswith("pipe.program device 1"))


def places(start, device):
    span = range(second) if device == 0 else range(second, len(lines))
    return [i for i in span if lines[i].startswith(start)]


def attempt(name, changed):
    edited.write_text("\n".join(changed))
    result = subprocess.run(["bitpipe-run", edited, f"--data={model / 'data.safetensors'}", "--steps=2"],
                            capture_output=True, text=True, timeout=60)
    assert result.returncode == 1, (name, result)
    assert result.stderr.count("\n") == 1, (name, result.stderr)
    print(f"{name}: {result.stderr.strip()}")


def without(*numbers):
    return [line for i, line in enumerate(lines) if i not in numbers]


def changed(numbers, old, new):
    assert numbers and all(re.search(old, lines[i]) for i in numbers), [lines[i] for i in numbers]
    return [re.sub(old, new, line, count=1) if i in numbers else line for i, line in enumerate(lines)]


def moved(source, behind):
    rest = [line for i, line in enumerate(lines[:behind + 1]) if i != source]
    return rest + [lines[source]] + [line for i, line in enumerate(lines) if i > behind and i != source]


lines, second = compiled()
GATHER, SUM, STEP, CLEAR = ("pipe.all_gather stages [1]", "pipe.reduce_scatter stages [1]", "pipe.step stages [1]", "pipe.clear stages [1]")
gathers, sums, steps, clears = ([places(start, d) for d in (0, 1)] for start in (GATHER, SUM, STEP, CLEAR))
runs = [places("pipe.execute", d) for d in (0, 1)]
attempt("no gather", without(gathers[0][0], gathers[1][0]))
attempt("no gather on one", without(gathers[0][0]))
attempt("no clear", without(clears[1][0]))
attempt("no sum", without(sums[0][0], sums[1][0]))
attempt("early sum", moved(sums[0][0], clears[0][0]))
attempt("sum elsewhere", changed([sums[0][0]], r" into \d+", ""))
attempt("late gather", moved(gathers[0][0], places("pipe.grad_norm", 0)[0]))
attempt("gather in place", changed([gathers[0][0], gathers[1][0]], r" from \d+", ""))
attempt("other slices", changed([gathers[0][0], gathers[1][0]], r"slice \d+", "slice 64"))
attempt("step of all", changed([steps[1][0]], r"(weights \d+) at \d+", r"\1"))
attempt("step elsewhere", changed([steps[1][0]], r"(gradients \d+) at \d+", r"\1 at 0"))
resident = next(i for i in places("pipe.resident", 1) if re.search(r" of [1-9]", lines[i]))
attempt("other place", changed([resident], r" of \d+", " of 64"))
attempt("norm of others", changed([places("pipe.grad_norm", 0)[0]], r" to \[(\d+)", " to [7"))

# With copies in bf16, some of them of what is not trained. Two gathers at a time: of what is read in f32 and of copies.
lines, second = compiled("--precision=bf16", "--freeze=q_proj")
gathers = [places(GATHER, d) for d in (0, 1)]
full, copies = ([those[k] for those in gathers] for k in (0, 1))
own = re.search(r" from (\d+)", lines[copies[0]])[1]
# What is trained begins in the first slice, what is not ends in the second.
trained, frozen = ([i for i in places("pipe.resident", d) if re.search(rf" working {own} ", lines[i]) and ("trainable" in lines[i]) != d]
                   for d in (0, 1))
attempt("no copies", without(*copies))
attempt("copies in f32", changed(copies, r" from \d+", f" from {re.search(r' from (.*)', lines[full[0]])[1]}"))
attempt("copies of one", changed([copies[0]], r" to \[\d+", " to [64"))
attempt("fewer copies", changed(copies, r" to \[\d+", " to [64"))
attempt("half a word", changed(copies, r"elements \[0", "elements [1"))
attempt("all copies", changed(copies, r" elements .* from", " from"))
attempt("more in f32", changed(full, r" to \[\d+", f" to [{2**40}"))
attempt("two in f32", changed(full, r" elements \[\d+\] to \[(\d+)\]", r" elements [0, 64] to [64, \1]"))
attempt("other slices of copies", changed(copies, r"slice \d+", "slice 8192"))
attempt("copy elsewhere", changed([trained[0]], r"working (\d+) \d+", r"working \1 64"))
attempt("frozen copy elsewhere", changed([frozen[-1]], r"working (\d+) \d+", r"working \1 64"))
attempt("not rounded", changed([places(STEP, 0)[0]], r" working \d+ \d+$", ""))
attempt("rounded some", changed([places(STEP, 0)[0]], r"(working \d+) \d+$", r"\1 64"))
