"""Reads the metrics that bitpipe-run writes, one JSON object per line."""

import json


def read(path):
    """The steps in order; loss is None where it was not finite. Raises ValueError that names a line it cannot read."""
    steps = []
    with open(path) as lines:
        for number, line in enumerate(lines, 1):
            try:
                step = json.loads(line)
                step["step"], step["loss"]
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{path}:{number}: expected a JSON object with "
                                 f"step and loss") from error
            steps.append(step)
    return steps
