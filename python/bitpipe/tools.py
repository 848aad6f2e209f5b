"""Finds and calls the two commands."""

import pathlib
import shutil
import subprocess

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
