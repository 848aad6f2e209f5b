"""Runs a command and measures its time and memory."""

import dataclasses
import os
import resource
import subprocess
import tempfile
import time


@dataclasses.dataclass
class Finished:
    out: str
    seconds: float
    processor: float  # seconds of all its threads, whoever else computes
    memory: int  # the most bytes the process ever held


def peak_memory(pid="self"):
    """The most memory a process ever held, in bytes; 0 once it is gone."""
    try:
        with open(f"/proc/{pid}/status") as status:
            lines = [line for line in status if line.startswith("VmHWM")]
    except OSError:
        return 0
    return int(lines[0].split()[1]) * 1024 if lines else 0


def processor_time():
    """Of all processes that have been waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(arguments, cwd=None, **environment):
    """Runs a command to its end; RuntimeError with its messages if it fails.

    Memory is read while it runs: what the system keeps for later counts the
    process before it became the command, when it still was this one."""
    arguments = [str(argument) for argument in arguments]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        begin, before, memory = time.perf_counter(), processor_time(), 0
        process = subprocess.Popen(arguments, cwd=cwd, stdout=out, stderr=errors,
                                   env={**os.environ, **environment})
        while process.poll() is None:
            memory = max(memory, peak_memory(process.pid))
            time.sleep(0.01)
        seconds = time.perf_counter() - begin
        out.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            raise RuntimeError(f"{' '.join(arguments)} failed:\n{errors.read().strip()}")
        return Finished(out.read(), seconds, processor_time() - before, memory)
