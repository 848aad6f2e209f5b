"""ONNX operators in PyTorch, one function each: the reference that gradients are compared with.

A function takes the tensors at the node's inputs (None where one is left out) and its attributes, and returns a
tensor or a tuple of them. Floats have whatever precision the caller chose (float64, and float32 to see how much
rounding alone costs); a Cast between floats therefore keeps it. What a forward computes here is itself compared with
onnxruntime.
"""

import contextlib

import numpy as np
import torch

ONNX_TYPES = {
    1: torch.float32,
    2: torch.uint8,
    3: torch.int8,
    5: torch.int16,
    6: torch.int32,
    7: torch.int64,
    9: torch.bool,
    10: torch.float16,
    11: torch.float64,
    16: torch.bfloat16,
}
FUNCTIONS = {}


def operator(*names):
    def add(function):
        for name in names:
            FUNCTIONS[name] = function
        return function

    return add


@contextlib.contextmanager
def precision(kind):
    """What a Cast to float makes is of `kind`."""
    previous = torch.get_default_dtype()
    torch.set_default_dtype(kind)
    try:
        yield
    finally:
        torch.set_default_dtype(previous)


def tensor_of(value, kind):
    """An array as a tensor, floats in precision `kind`."""
    tensor = torch.from_numpy(np.array(value))
    return tensor.to(kind) if tensor.is_floating_point() else tensor


def run(nodes, tensors):
    """Adds the results of nodes (kind, inputs, outputs, attributes) to `tensors`."""
    for kind, inputs, outputs, attributes in nodes:
        results = FUNCTIONS[kind](*[tensors[name] if name else None for name in inputs], **attributes)
        results = results if isinstance(results, tuple) else (results,)
        tensors.update({name: value for name, value in zip(outputs, results) if name})
    return tensors


def integers(values):
    """A tensor's, or those of an attribute as which older operator sets give them."""
    return [int(v) for v in (values.reshape(-1) if isinstance(values, torch.Tensor) else values)]


import reference_layers  # noqa: E402,F401 (these register their functions)
import reference_expanded  # noqa: E402,F401
import reference_numbers  # noqa: E402,F401
import reference_views  # noqa: E402,F401
