"""Edits the toy plan with two opposite routes in ways that would block, and
prints what bitpipe-run says."""

import pathlib
import subprocess
import sys

folder = pathlib.Path(sys.argv[1])
lines = (folder / "plan.mlir").read_text().splitlines()
second = lines.index(next(line for line in lines if line.startswith("pipe.program device 1")))


def find(device, start):
    """The number of the line of a device that starts so."""
    span = range(second) if device == 0 else range(second, len(lines))
    return next(i for i in span if lines[i].startswith(start))


def attempt(name, edited):
    (folder / "edited.mlir").write_text("\n".join(edited))
    result = subprocess.run(
        ["bitpipe-run", folder / "edited.mlir", f"--data={folder}/data.safetensors", "--steps=2"],
        capture_output=True, text=True, timeout=60)
    assert result.returncode == 1, (name, result)
    assert result.stderr.count("\n") == 1, (name, result.stderr)
    print(f"{name}: {result.stderr.strip()}")


def swapped(a, b):
    edited = list(lines)
    edited[a], edited[b] = edited[b], edited[a]
    return edited


def moved(sources, behind):
    """Moves lines, in their order, behind another one."""
    edited = [line for i, line in enumerate(lines[:behind + 1]) if i not in sources]
    return edited + [lines[i] for i in sources] + lines[behind + 1:]


attempt("swapped receives", swapped(find(1, "pipe.receive F stage 0 mb 0"), find(1, "pipe.receive F stage 0 mb 2")))
receive = find(1, "pipe.receive F stage 0 mb 0")
send = find(0, "pipe.transmit F stage 0 mb 0")
last = find(0, "pipe.transmit B stage 1 mb 3")
attempt("no send", [line for i, line in enumerate(lines) if i != last])
attempt("cycle", moved([send], find(0, "pipe.execute F stage 1 mb 1")))
attempt("late receive", swapped(receive, find(1, "pipe.execute F stage 1 mb 0")))
attempt("early send", swapped(send, find(0, "pipe.execute F stage 0 mb 0")))
sums = find(1, "pipe.all_reduce stages [1]"), find(1, "pipe.all_reduce stages [0]")
attempt("swapped sums", swapped(*sums))
attempt("no sum", [line for i, line in enumerate(lines) if i != sums[0]])
attempt("sum too late", moved(sums, find(1, "pipe.grad_norm")))
