"""What all contestants train: examples/gpt.py in two sizes, its weights and data."""

import pathlib
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "examples"))
import gpt  # noqa: E402

WORKS = {
    "large": dict(layers=8, hidden=512, heads=8, sequence=128, vocabulary=8192),
    "small": dict(layers=8, hidden=128, heads=4, sequence=64, vocabulary=256),
}
MICROBATCHES, MICROBATCH = 8, 2


def flop(work):
    """Floating-point operations of one training step."""
    c, h = work, work["hidden"]
    tokens = MICROBATCHES * MICROBATCH * c["sequence"]
    linear = c["layers"] * 12 * h * h + h * c["vocabulary"]
    attention = 12 * c["layers"] * c["sequence"] * h * tokens
    return 6 * linear * tokens + attention


def make(work):
    """The model with the weights that every contestant starts from."""
    torch.manual_seed(0)
    return gpt.gpt(**work, tied=False)


def make_data(work, steps):
    """Token ids and their labels for some steps: a sequence worth learning."""
    generator = torch.Generator().manual_seed(1)
    samples, sequence = steps * MICROBATCHES * MICROBATCH, work["sequence"]
    start = torch.randint(0, work["vocabulary"], (samples, 1), generator=generator)
    jump = torch.randint(1, 4, (samples, sequence), generator=generator).cumsum(1)
    ids = torch.cat([start, start + jump], 1) % work["vocabulary"]
    return ids[:, :-1].contiguous(), ids[:, 1:].contiguous()
