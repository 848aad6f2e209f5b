"""Errors and remarks, a line each."""

import contextlib
import importlib
import sys
import traceback


class ExportError(ValueError):
    """What cannot be exported and what was expected, in one line."""


def say(line):
    """What is assumed or left out."""
    print(f"export: {line}", file=sys.stderr)


def some(names, most=4):
    """'a, b and 3 more'"""
    names = list(names)
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def package(name):
    """A package that is needed; an error says how to get it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or name
        raise ExportError(f"needs the Python package {missing}: "
                          f"{sys.executable} -m pip install {missing.partition('.')[0]}") from None


@contextlib.contextmanager
def in_one_line(what):
    """Turns any error into one line: what failed, where, and its cause."""
    try:
        yield
    except ExportError:
        raise
    except Exception as error:
        raise ExportError(f"{what}: {describe(error)}") from error


def describe(error):
    """The first cause, its first line and the place in the code of the model."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line for line in str(error).splitlines() if line.strip()]
    text = f"{type(error).__name__}: {lines[0].strip()}" if lines else type(error).__name__
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)
              if not any(part in frame.filename for part in ("/torch/", "/bitpipe/", "<", "/onnxscript/"))]
    return f"{text} (at {frames[-1].filename}:{frames[-1].lineno})" if frames else text
