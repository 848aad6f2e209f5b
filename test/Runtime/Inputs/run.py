"""Helpers of tests that run bitpipe-run on the toy plan in FOLDER."""

import json
import pathlib
import signal
import subprocess
import sys
import time

folder = pathlib.Path(sys.argv[1])


def command(*options, plan="plan.mlir", data="data.safetensors"):
    return ["bitpipe-run", str(folder / plan), f"--data={folder / data}", *map(str, options)]


def run(*options, **keywords):
    return subprocess.run(command(*options, **keywords), capture_output=True, text=True, timeout=120)


def start(*options, stdout=subprocess.PIPE):
    return subprocess.Popen(command(*options), stdout=stdout, stderr=subprocess.PIPE, text=True)


def steps_in(path):
    """The whole lines of a metrics file, which may still be written to."""
    text = path.read_text() if path.exists() else ""
    strict = lambda name: (_ for _ in ()).throw(ValueError(f"{name} is no JSON"))
    return [json.loads(line, parse_constant=strict) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def wait_for_steps(process, path, count):
    """Returns as soon as the metrics tell of `count` steps."""
    while len(steps_in(path)) < count:
        assert process.poll() is None, (process.returncode, process.stderr.read())
        time.sleep(0.01)


def end_by(process, number=signal.SIGINT):
    process.send_signal(number)
    out, errors = process.communicate(timeout=120)
    return process.returncode, out, errors
