"""bitpipe.run: bitpipe-run as a function, and as python -m bitpipe.run."""

import pathlib
import tempfile

from bitpipe import metrics as metric_files
from bitpipe import tools


def run(plan, data, steps, metrics=None, quiet=False, **options):
    """Trains and returns one dictionary per step: step, loss, grad_norm, lr,
    tokens_per_second and step_seconds. A step whose loss or gradient norm was
    not finite changed nothing; it has None there, and skipped. With eval_data
    those that an evaluation came after have eval_loss, too.

    Options are those of bitpipe-run with underscores: run(plan, "book.txt",
    200, lr=1e-3, save="weights.safetensors"). The metrics stay in the file
    `metrics` when it is named. Files that bitpipe did not write are replaced
    only with force=True. What bitpipe-run prints is shown, unless `quiet`.
    With stop_after the list may end before the last step; the same call with
    checkpoint and resume=True goes on, and its list has all steps if `metrics`
    is named.
    Ctrl-C ends the run after the step; it saves, then KeyboardInterrupt is
    raised.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = metrics or pathlib.Path(folder) / "metrics.jsonl"
        tools.watch("bitpipe-run", plan, data=data, steps=steps, metrics=path,
                    quiet=quiet, good=(0, 3) if "stop_after" in options else (0,), **options)
        return metric_files.read(path)


if __name__ == "__main__":
    tools.become("bitpipe-run")
