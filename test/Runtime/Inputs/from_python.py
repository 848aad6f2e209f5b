"""Trains the toy plan through the Python functions: progress is shown while it
trains, and Ctrl-C lets the run end and save."""

import signal
import subprocess
import sys
import time

from run import folder, steps_in
from safetensors.numpy import load_file

metrics, saved = folder / "m.jsonl", folder / "out.safetensors"
code = (f"import bitpipe; bitpipe.run('{folder}/plan.mlir', '{folder}/data.safetensors', %d, metrics='{metrics}', "
        f"save='{saved}'%s)")


def train(steps, more=""):
    return subprocess.run([sys.executable, "-c", code % (steps, more)], capture_output=True, text=True, timeout=120)


shown, silent = train(3), train(3, ", quiet=True")
assert shown.returncode == 0 and shown.stdout.startswith("step 1/3") and not shown.stderr, shown
assert silent.returncode == 0 and not silent.stdout and not silent.stderr, silent

bad = train(20, ", lr=1e30, clip=1")
assert "bitpipe.tools.ToolError: error: ended at step 11 of 20" in bad.stderr, bad.stderr

# In parts it is the same training, and its list the whole one.
train(5)
whole = saved.read_bytes()
parts = f", checkpoint='{folder}/kept', resume=True"
stopped = train(5, parts + ", stop_after='0.001s'")
assert stopped.returncode == 0 and len(steps_in(metrics)) == 1, stopped
assert train(5, parts).returncode == 0 and len(steps_in(metrics)) == 5 and saved.read_bytes() == whole

metrics.unlink()
saved.unlink()
# A group of its own, all of which gets the signal, as from a terminal; test
# runners ignore it.
python = subprocess.Popen([sys.executable, "-c", code % (10**6, "")], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, process_group=0, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
first = python.stdout.readline()
assert first.startswith("step 1/"), first
while len(steps_in(metrics)) < 3:
    time.sleep(0.01)
subprocess.run(["kill", "-INT", "--", f"-{python.pid}"], check=True)
out, errors = python.communicate(timeout=120)
assert python.returncode in (1, 130, -signal.SIGINT) and "KeyboardInterrupt" in errors, (python.returncode, errors)
assert f"interrupted after step {len(steps_in(metrics))} of" in out, out
assert len(load_file(saved)) == 3

for module, command in (("run", "bitpipe-run"), ("compile", "bitpipe-opt")):
    done = subprocess.run([sys.executable, "-m", f"bitpipe.{module}"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and f"USAGE: {command}" in done.stdout and not done.stderr, done
done = subprocess.run([sys.executable, "-m", "bitpipe.run", "plan.mlir", "--steps=0"], capture_output=True, text=True)
assert done.returncode == 2 and done.stderr == "bitpipe-run: error: --data is missing, expected a file to train on\n", done
print("all as told")
