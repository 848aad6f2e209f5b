"""Finds and calls the two commands."""

import collections
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading

BUILT = pathlib.Path(__file__).resolve().parents[2] / "build" / "bin"


class ToolError(RuntimeError):
    """A command failed; the text is what it printed."""


def find(name):
    """The command's path: this checkout's build first, then PATH."""
    built = BUILT / name
    if built.is_file():
        return str(built)
    found = shutil.which(name)
    if found is None:
        raise ToolError(f"{name} is neither in {BUILT} nor on PATH, "
                        f"expected it after 'make'")
    return found


def flags(options):
    """Keyword arguments as options: weight_decay=0.1 is --weight-decay=0.1,
    True is the bare option, None and False leave it out."""
    result = []
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            result.append(option)
        elif value is not None and value is not False:
            result.append(f"{option}={value}")
    return result


def call(name, *arguments, **options):
    """Runs a command; its standard output. Raises ToolError if it fails."""
    command = [find(name), *map(str, arguments), *flags(options)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise ToolError(done.stderr.strip() or f"{name} exited {done.returncode}")
    return done.stdout


def watch(name, *arguments, quiet=False, good=(0,), **options):
    """Runs a command that takes long. What it prints is shown as it comes,
    unless `quiet`. Ctrl-C is passed on, and the command ends as it sees fit; a
    second one ends it at once. Raises ToolError if its exit code is none of the
    good ones."""
    command = [find(name), *map(str, arguments), *flags(options)]
    # A group of its own: the terminal sends Ctrl-C to all of this one, which
    # would be one too many.
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0)
    nothing, errors = collections.deque(maxlen=0), collections.deque(maxlen=100)
    readers = [threading.Thread(target=_show, args=(child.stdout, None if quiet else sys.stdout, nothing)),
               threading.Thread(target=_show, args=(child.stderr, None if quiet else sys.stderr, errors))]
    for reader in readers:
        reader.start()
    try:
        code = child.wait()
    except BaseException:
        _end(child)
        raise
    finally:
        for reader in readers:
            reader.join()
    if code not in good:
        raise ToolError("".join(errors).strip() or f"{name} exited {code}")


def _show(pipe, stream, kept):
    with pipe:
        for line in pipe:
            kept.append(line)
            if stream is not None:
                stream.write(line)
                stream.flush()


def _end(child):
    """Waits for the command to end on its own, having asked it to."""
    child.send_signal(signal.SIGINT)
    try:
        child.wait()
    except KeyboardInterrupt:
        child.kill()
        child.wait()


def become(name):
    """Replaces this process by a command with the same arguments."""
    try:
        os.execv(find(name), [name, *(sys.argv[1:] or ["--help"])])
    except ToolError as error:
        sys.exit(f"error: {error}")
