"""Evaluations of toy plans: their losses are PyTorch's, and no bit of the training is another one for them.

    evaluation.py ADAMW MODES      folder of a toy plan, and what it is tested for
"""

import json
import signal
import subprocess
import sys

import numpy
import torch
from bitpipe import metrics as metric_files, plot
from run import end_by, folder, run, start, steps_in, wait_for_steps
from safetensors.numpy import load_file, save_file

data = load_file(folder / "data.safetensors")
metrics, saved, evaluated, kept = (folder / name for name in ("m.jsonl", "out.safetensors", "eval.safetensors", "kept"))
BATCH = 16  # samples of a step


def write(path, count, bad_label=None):
    random = numpy.random.default_rng(count)
    labels = random.integers(0, 5, count)
    labels[2::5] = -100
    if bad_label is not None:
        labels[bad_label] = 9
    save_file({"x": random.normal(size=(count, 12)).astype(numpy.float32), "labels": labels}, path)


def loss_of(weights, samples):
    weights = {name: torch.tensor(value).double() for name, value in weights.items()}
    tensors = load_file(evaluated)
    x, labels = torch.tensor(tensors["x"][:samples]).double(), torch.tensor(tensors["labels"][:samples])
    logits = x @ weights["first"] @ weights["second"] + weights["bias"]
    return torch.nn.functional.cross_entropy(logits, labels).item()


def trained(*options, steps=7, code=0, launcher=(), order=["--shuffle"]):
    command = [*launcher, "bitpipe-run", folder / "plan.mlir", f"--data={folder / 'train.safetensors'}", f"--steps={steps}",
               f"--save={saved}", f"--metrics={metrics}", "--lr=0.05", "--threads=1", *order, *options]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def training():
    """What is to stay: parameters, and all of the metrics but times and evaluations."""
    keys = ("step", "loss", "grad_norm", "lr", "skipped")
    return saved.read_bytes(), [[line.get(key) for key in keys] for line in steps_in(metrics) if "loss" in line]


def found():
    return [(line["step"], line["eval_loss"], line["eval_samples"]) for line in steps_in(metrics) if "eval_loss" in line]


EVALUATE = [f"--eval-data={evaluated}", "--eval-every=2"]
x = data["x"].copy()
x[3] = numpy.nan  # some steps are skipped, before and after evaluations
save_file({"x": x, "labels": data["labels"]}, folder / "train.safetensors")
write(evaluated, 37)


def test_losses():
    trained()
    without = training()
    assert any(line[-1] for line in without[1]) and not all(line[-1] for line in without[1]), without
    done = trained(*EVALUATE)
    assert training() == without
    assert "evaluation after every 2 steps and the last: all 37 samples of" in done.stdout and "in 3 batches" in done.stdout
    all_of_it = found()
    assert [step for step, _, _ in all_of_it] == [2, 4, 6, 7], all_of_it
    trained(*EVALUATE, "--eval-steps=2")
    assert training() == without
    for lines, samples in ((all_of_it, 37), (found(), 32)):
        for step, loss, count in lines:
            trained(steps=step, code=4 if without[1][step - 1][-1] else 0)
            expected = loss_of(load_file(saved), samples)
            assert count == samples and abs(loss - expected) < 2e-6 * expected, (step, loss, expected)
    done = trained(f"--eval-data={evaluated}", "--eval-steps=1")
    assert "evaluation after the last step: 16 of 37 samples" in done.stdout and [one[0] for one in found()] == [7]


def test_other_runs():
    """Processes, memory of NaNs, and what is measured of the training alone."""
    trained(*EVALUATE)
    expected = training(), found()
    trained(*EVALUATE, "--poison")
    assert (training(), found()) == expected
    trained(*EVALUATE, launcher=["mpirun", "-n", "2"])
    assert (training(), found()) == expected
    trained("--predict", f"--trace={folder / 't.json'}", f"--profile={folder / 'p.json'}", "--trace-steps=20", *EVALUATE)
    names = [event["name"] for event in json.loads((folder / "t.json").read_text())["traceEvents"]]
    assert {name for name in names if name.startswith("step ")} == {f"step {number}" for number in range(1, 8)}, set(names)
    assert (training(), found()) == expected


def test_bad_steps_in_a_row():
    """An evaluation between two of them makes them no less a row."""
    save_file({"x": numpy.full_like(data["x"], numpy.nan), "labels": data["labels"]}, folder / "train.safetensors")
    done = trained(f"--eval-data={evaluated}", "--eval-every=1", "--max-bad-steps=3", code=4)
    assert "since 3 steps in a row changed nothing" in done.stderr, done
    assert [one[0] for one in found()] == [1, 2]
    # Nor does the step that was submitted behind the second one change anything.
    bad = numpy.resize(data["x"], (5 * BATCH, 12))
    bad[[BATCH, 2 * BATCH]] = numpy.nan
    save_file({"x": bad, "labels": numpy.resize(data["labels"], len(bad))}, folder / "train.safetensors")
    trained(steps=1, order=[])
    one = saved.read_bytes()
    trained(f"--eval-data={evaluated}", "--eval-every=2", "--max-bad-steps=2", code=4, order=[])
    assert saved.read_bytes() == one and [line[0] for line in found()] == [2]
    save_file({"x": x, "labels": data["labels"]}, folder / "train.safetensors")


def checkpointed(*options, code=0, **keywords):
    return trained(f"--checkpoint={kept}", "--checkpoint-every=3", "--resume", *options, code=code, **keywords)


def tensors():
    return {path.name: path.read_bytes() for path in sorted(kept.glob("step-*/*.safetensors"))}


def fresh():
    subprocess.run(["rm", "-rf", kept, metrics], check=True)


def test_checkpoints():
    fresh()
    checkpointed()
    expected, states = training(), tensors()
    fresh()
    checkpointed(*EVALUATE)
    assert training() == expected and tensors() == states
    evaluations = found()
    # Ended after every step, it goes on, and has each evaluation once.
    fresh()
    for _ in range(6):
        checkpointed(*EVALUATE, "--stop-after=0.001s", code=3)
    checkpointed(*EVALUATE)
    assert training() == expected and found() == evaluations
    # All is done, and so is it when it is started again; what was not evaluated is then.
    checkpointed(*EVALUATE)
    assert found() == evaluations
    fresh()
    checkpointed()
    checkpointed(*EVALUATE)
    assert training() == expected and found() == evaluations[-1:]
    steps = metric_files.read(metrics)
    assert len(steps) == 7 and steps[-1]["eval_loss"] == evaluations[-1][1] and "eval_loss" not in steps[-2]


def test_interrupted():
    """A long evaluation ends at once, the next run begins it anew."""
    long = folder / "long.safetensors"
    write(long, 200_000)
    options = [f"--eval-data={long}", f"--checkpoint={kept}", "--resume", f"--metrics={metrics}", "--lr=0.05"]
    for steps in (5, 3):  # after the last one, too
        fresh()
        process = start(*options, "--eval-every=3", f"--steps={steps}")
        wait_for_steps(process, metrics, 3)
        code, out, errors = end_by(process, signal.SIGTERM)
        assert (code, found()) == (3, []) and f"interrupted after step 3 of {steps}, before it was evaluated" in out, (code, out, errors)
        done = run(*options, "--eval-every=3", "--eval-steps=1", f"--steps={steps}")
        assert done.returncode == 0 and [one[0] for one in found()] == [3, 5][:steps - 2], (done, found())
        assert [line["step"] for line in steps_in(metrics) if "loss" in line] == list(range(1, steps + 1))


def test_mistakes():
    def refused(code, expected, *options):
        done = trained(*options, code=code)
        assert done.stderr.count("\n") == 1 and expected in done.stderr, done
    wrong = folder / "wrong.safetensors"
    write(wrong, 37, bad_label=20)
    refused(1, "wrong.safetensors: error: label 9 in sample 20", f"--eval-data={wrong}", "--eval-every=2")
    two = saved.read_bytes()
    trained(steps=2)
    assert saved.read_bytes() == two  # the steps before are saved
    write(wrong, 0)
    refused(1, "wrong.safetensors: error: holds 0 samples, expected at least 1", f"--eval-data={wrong}")
    refused(1, "holds 3 batches of 16 samples, expected at most as many by --eval-steps, got 4", *EVALUATE, "--eval-steps=4")
    refused(1, "absent.bin: error: cannot read the data", f"--eval-data={folder / 'absent.bin'}")
    refused(2, "--eval-every is '2', expected none without --eval-data", "--eval-every=2")
    refused(2, "--eval-steps is '0', expected a whole number, at least 1", f"--eval-data={evaluated}", "--eval-steps=0")
    refused(2, "--eval-data is '', expected a file", "--eval-data=")
    refused(2, f"--save is '{saved}', which --eval-data reads", f"--eval-data={saved}")


def test_no_label_counts():
    nothing = folder / "nothing.safetensors"
    save_file({"x": numpy.ones((20, 12), numpy.float32), "labels": numpy.full(20, -100)}, nothing)
    trained(f"--eval-data={nothing}")
    assert found() == [(7, None, 20)], found()


def test_plot():
    trained(*EVALUATE)
    steps = metric_files.read(metrics)
    assert len(steps) == 7 and plot.evaluations(steps)[0] == [2, 4, 6, 7]
    plot.draw([("run", steps)], None, folder / "loss.png")
    plot.report([("run", steps)], None)


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_") and (len(sys.argv) < 3 or name[5:] in sys.argv[2:]):
            test()
            print(name)
