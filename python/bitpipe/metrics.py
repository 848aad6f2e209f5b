"""Reads the metrics that bitpipe-run writes, one JSON object per line."""

import json


def read(path):
    """The steps in order; loss is None where it was not finite. What an evaluation found is in the step that it came
    after: eval_loss, eval_samples, eval_seconds. Raises ValueError that names a line it cannot read."""
    steps = []
    with open(path) as lines:
        for number, line in enumerate(lines, 1):
            try:
                step = json.loads(line)
                step["step"], step["eval_loss" if "eval_loss" in step else "loss"]
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{path}:{number}: expected a JSON object with "
                                 f"step and loss") from error
            if "loss" not in step and steps and steps[-1]["step"] == step["step"]:
                steps[-1].update(step)
            else:  # where training went on after a step that other metrics have, its evaluation stands alone
                steps.append({"loss": None, **step})
    return steps
