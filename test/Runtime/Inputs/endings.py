"""Ends runs of the toy plan in every way and checks what is left of them."""

import os
import signal
import subprocess
import sys

import numpy
from run import command, end_by, folder, run, start, steps_in, wait_for_steps
from safetensors.numpy import load_file

metrics, saved = folder / "m.jsonl", folder / "out.safetensors"
FOREVER = "--steps=1000000"


def fresh():
    for path in (metrics, saved, folder / "trace.json"):
        path.unlink(missing_ok=True)


def check_saved(steps):
    """What was saved is what a run of so many steps saves."""
    expected = folder / "expected.safetensors"
    run(f"--steps={steps}", f"--save={expected}")
    for name, value in load_file(expected).items():
        assert numpy.array_equal(value, load_file(saved)[name]), name


def started(*options, steps=3, **keywords):
    fresh()
    process = start(f"--metrics={metrics}", f"--save={saved}", *options, **keywords)
    wait_for_steps(process, metrics, steps)
    return process


for number in (signal.SIGINT, signal.SIGTERM):
    code, out, errors = end_by(started(FOREVER), number)
    done = len(steps_in(metrics))
    assert code == 3 and not errors and f"interrupted after step {done} of" in out, (code, out, errors)
    check_saved(done)

# A closed terminal or pipe ends nothing.
process = started(FOREVER)
process.stdout.close()
process.send_signal(signal.SIGHUP)
process.send_signal(signal.SIGPIPE)
wait_for_steps(process, metrics, len(steps_in(metrics)) + 2)
process.send_signal(signal.SIGTERM)
assert process.wait(timeout=120) == 3
check_saved(len(steps_in(metrics)))
process.stderr.close()

fresh()
piped = subprocess.run(f"{' '.join(command('--steps=40', f'--save={saved}'))} | head -1; exit ${{PIPESTATUS[0]}}",
                       shell=True, executable="/bin/bash", capture_output=True, text=True, timeout=120)
assert piped.returncode == 0 and piped.stdout.count("\n") == 1, piped
check_saved(40)

# Closed streams: no text of the run is in its files.
for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
    fresh()
    line = " ".join(command("--steps=3", f"--metrics={metrics}", f"--save={saved}", f"--trace={folder}/trace.json"))
    done = subprocess.run(f"exec {line} {closed}", shell=True, executable="/bin/bash", timeout=120,
                          stdout=subprocess.DEVNULL)
    assert done.returncode == 0 and len(steps_in(metrics)) == 3, closed
    check_saved(3)

# What a run can do without: a metrics file and a trace that cannot be written.
fresh()
result = run("--steps=3", "--metrics=/dev/full", f"--save={saved}")
assert result.returncode == 0 and result.stderr.count("\n") == 1, result
assert "warning: /dev/full: cannot write: No space left on device: the training goes on" in result.stderr
check_saved(3)
gone = folder / "gone"
gone.mkdir(exist_ok=True)
process = started(FOREVER, f"--trace={gone}/trace.json")
gone.rmdir()
code, out, errors = end_by(process)
assert code == 3 and errors.startswith("warning: no trace: ") and errors.count("\n") == 1, (code, errors)
check_saved(len(steps_in(metrics)))

# What cannot be saved is an error; metrics and trace are there all the same.
fresh()
gone.mkdir()
process = start(FOREVER, f"--save={gone}/out.safetensors", f"--metrics={metrics}", f"--trace={folder}/trace.json")
wait_for_steps(process, metrics, 3)
gone.rmdir()
code, out, errors = end_by(process)
assert code == 1 and "gone/out.safetensors: error: cannot write" in errors and errors.count("\n") == 1, (code, errors)
assert "step time" in out and (folder / "trace.json").stat().st_size > 1000

# Two runs, one metrics file.
process = started(FOREVER)
second = run("--steps=2", f"--metrics={metrics}")
assert second.returncode == 1 and "m.jsonl: error: another run writes its metrics there" in second.stderr, second
code, _, _ = end_by(process)
steps = [step["step"] for step in steps_in(metrics)]
assert code == 3 and steps == list(range(1, len(steps) + 1)), steps
assert not [name for name in os.listdir(folder) if "partial" in name]
print("all ended well")
