"""What is written: whole or not at all, and over nothing but an earlier export."""

import contextlib
import os
import shutil
import tempfile

import onnx

from bitpipe.exporter.errors import ExportError
from bitpipe.exporter.graph import PARAMETERS_KEY


def data_file(path):
    """Where the weights go that have a file of their own."""
    return path + ".data"


def refuse_to_replace(path, external_data):
    """As the two tools: an error if a file would be replaced that is no earlier export."""
    for file in [path, data_file(path)] if external_data else [path]:
        if os.path.exists(file) and not os.path.isfile(file):
            raise ExportError(f"{file}: is no regular file, expected a name to write to")
        if os.path.exists(file) and os.path.getsize(file) and not is_export(path, file):
            raise ExportError(f"{file}: is there and was not written by bitpipe, expected another name, or --force to replace it")


def is_export(path, file):
    """Whether `file` is the model at `path`, exported before, or holds its weights."""
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception:  # of any kind: it is no model
        return False
    parts = {entry.value for tensor in model.graph.initializer for entry in tensor.external_data if entry.key == "location"}
    ours = any(entry.key == PARAMETERS_KEY for entry in model.metadata_props)
    return ours and (file == path or os.path.basename(file) in parts)


@contextlib.contextmanager
def replacing(path):
    """Gives the name to write the model to, in a folder of its own beside `path`. What lies there takes its place when
    all has gone well, with the mode of what was there; a link stays."""
    target = os.path.realpath(path)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(target), prefix=".export-") as folder:
        yield os.path.join(folder, os.path.basename(path))
        for name in sorted(os.listdir(folder), key=lambda name: name == os.path.basename(path)):
            new = os.path.join(folder, name)
            old = target if name == os.path.basename(path) else os.path.join(os.path.dirname(target), name)
            if os.path.exists(old):
                shutil.copymode(old, new)
            os.replace(new, old)
