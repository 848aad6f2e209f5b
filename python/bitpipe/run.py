"""bitpipe.run: bitpipe-run as a function."""

import pathlib
import tempfile

from bitpipe import metrics as metric_files
from bitpipe import tools


def run(plan, data, steps, metrics=None, **options):
    """Trains and returns one dictionary per step: step, loss, grad_norm, lr,
    tokens_per_second and step_seconds.

    Options are those of bitpipe-run with underscores: run(plan, "book.txt",
    200, lr=1e-3, save="weights.safetensors"). The metrics stay in the file
    `metrics` when it is named. Files that bitpipe did not write are replaced
    only with force=True.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = metrics or pathlib.Path(folder) / "metrics.jsonl"
        tools.call("bitpipe-run", plan, data=data, steps=steps, metrics=path,
                   **options)
        return metric_files.read(path)
