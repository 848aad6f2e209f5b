"""Trains the toy plan on data with samples that are not finite: their steps
change nothing, whatever the schedule."""

import numpy
from run import folder, run, steps_in
from safetensors.numpy import load_file, save_file

data = load_file(folder / "data.safetensors")
BATCH = 16  # samples of a step: 4 micro-batches of 4
count = 12 * BATCH
rows = numpy.arange(count) % len(data["x"])
x, labels = data["x"][rows].copy(), data["labels"][rows].copy()
bad = {3: numpy.nan, 6: numpy.inf, 7: -numpy.inf}  # step, from 1: value
for step, value in bad.items():
    x[(step - 1) * BATCH + 5, 2] = value
save_file({"x": x, "labels": labels}, folder / "bad.safetensors")
keep = [i for i in range(count) if i // BATCH + 1 not in bad]
save_file({"x": x[keep], "labels": labels[keep]}, folder / "good.safetensors")


def trained(data, steps, *options):
    metrics, saved = folder / "m.jsonl", folder / "out.safetensors"
    result = run(f"--steps={steps}", f"--metrics={metrics}", f"--save={saved}", *options, data=data)
    return result, steps_in(metrics), load_file(saved)


def equal(a, b):
    return all(numpy.array_equal(a[name], b[name]) for name in a)


# The steps that are not skipped are those of a run without the others.
result, steps, weights = trained("bad.safetensors", 12)
assert result.returncode == 0 and "3 of 12 steps changed nothing" in result.stdout, result
assert [s["step"] for s in steps if s.get("skipped")] == list(bad)
assert "loss nan  norm nan" in result.stdout and "-nan" not in result.stdout, result
assert all((s["grad_norm"] is None) == (s["step"] in bad) for s in steps)
good, good_steps, good_weights = trained("good.safetensors", 9)
assert good.returncode == 0 and equal(weights, good_weights)
assert [s["loss"] for s in steps if "skipped" not in s] == [s["loss"] for s in good_steps]

# Two in a row end the run at once with the state before them, though a good
# step follows that was already submitted.
result, steps, weights = trained("bad.safetensors", 12, "--max-bad-steps=2")
assert result.returncode == 4 and result.stderr.count("\n") == 1, result
assert "error: ended at step 7 of 12, since 2 steps in a row changed nothing" in result.stderr, result
assert "those after step 5" in result.stderr and len(steps) == 7
_, _, five = trained("good.safetensors", 4)
assert equal(weights, five)

# A run that ends with a skipped step has not done all its steps.
result, steps, weights = trained("bad.safetensors", 6)
assert result.returncode == 4 and len(steps) == 6 and equal(weights, five), result

# A step that destroys the parameters: all others are skipped.
result, steps, weights = trained("good.safetensors", 20, "--lr=1e30", "--clip=1")
assert result.returncode == 4 and len(steps) == 11, result
assert all(numpy.isfinite(value).all() for value in weights.values())
_, _, one = trained("good.safetensors", 1, "--lr=1e30", "--clip=1")
assert equal(weights, one)
print("skipped steps change nothing")
