"""Every option of bitpipe-opt with an empty value, and the numbers with what is none: exit code 2, one line, its name."""
import os
import re
import signal
import subprocess

help_text = subprocess.run(["bitpipe-opt", "--help"], capture_output=True, text=True, check=True).stdout
names = re.findall(r"^  --([a-z-]+)=<", help_text, re.MULTILINE)
assert {"pipeline", "devices", "cost-file", "memory"} <= set(names), names


def refused(name, value):
    done = subprocess.run(["bitpipe-opt", "--emit=report", f"--{name}={value}"], capture_output=True, text=True)
    lines = done.stderr.splitlines()
    assert done.returncode == 2 and len(lines) == 1, (name, value, done)
    assert lines[0].startswith("bitpipe-opt: error: ") and f"--{name}" in lines[0], lines
    assert "expected" in lines[0], lines


for name in names:
    refused(name, "")
for name in ("devices", "microbatches", "chunks", "down", "schedule-effort", "activations"):
    for value in ("x", "1x", "2,x"):
        refused(name, value)
for arguments in (["-o", ""], ["", "--devices=2"]):
    done = subprocess.run(["bitpipe-opt", "--emit=report", *arguments], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done

# A reader that has gone ends them without a word.
for tool in "bitpipe-opt", "bitpipe-run":
    end, start = os.pipe()
    os.close(end)
    done = subprocess.run([tool, "--help"], stdout=start, stderr=subprocess.PIPE, text=True)
    os.close(start)
    assert done.stderr == "" and done.returncode in (0, -signal.SIGPIPE), (tool, done)
