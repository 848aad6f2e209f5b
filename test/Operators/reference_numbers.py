"""ONNX operators on one number at a time, and those that make constants, in PyTorch."""

import numpy as np
import onnx
import torch
import torch.nn.functional as F

from interpreter import FUNCTIONS, ONNX_TYPES, integers, operator

# ---- one number at a time ---------------------------------------------------------------------------------------------

for name, function in {
    "Not": torch.logical_not,
    "Neg": torch.neg,
    "Abs": torch.abs,
    "Sqrt": torch.sqrt,
    "Exp": torch.exp,
    "Log": torch.log,
    "Cos": torch.cos,
    "Sin": torch.sin,
    "Tanh": torch.tanh,
    "Erf": torch.erf,
    "Floor": torch.floor,
    "Ceil": torch.ceil,
    "Reciprocal": torch.reciprocal,
    "Sigmoid": torch.sigmoid,
    "Relu": torch.relu,
    "Identity": lambda x: x,
    "IsNaN": torch.isnan,
    "Add": torch.add,
    "Sub": torch.sub,
    "Mul": torch.mul,
    "And": torch.logical_and,
    "Or": torch.logical_or,
    "Xor": torch.logical_xor,
    "Equal": torch.eq,
    "Less": torch.lt,
    "LessOrEqual": torch.le,
    "Greater": torch.gt,
    "GreaterOrEqual": torch.ge,
    "Where": torch.where,
    "Pow": torch.pow,
}.items():
    FUNCTIONS[name] = function


@operator("Div")
def div(a, b):
    return a / b if a.is_floating_point() else torch.div(a, b, rounding_mode="trunc")


@operator("Mod")
def mod(a, b, fmod=0):
    return torch.fmod(a, b) if fmod else torch.remainder(a, b)


@operator("Max")
def maximum(first, *others):
    for other in others:
        first = torch.maximum(first, other)
    return first


@operator("Min")
def minimum(first, *others):
    for other in others:
        first = torch.minimum(first, other)
    return first


@operator("IsInf")
def isinf(x, detect_negative=1, detect_positive=1):
    return torch.isposinf(x) & bool(detect_positive) | torch.isneginf(x) & bool(detect_negative)


@operator("Gelu")
def gelu(x, approximate="none"):
    return F.gelu(x, approximate=approximate)


@operator("Cast")
def cast(x, to, saturate=1):
    kind = ONNX_TYPES[to]
    return (
        x
        if kind.is_floating_point and x.is_floating_point()
        else x.to(torch.get_default_dtype() if kind.is_floating_point else kind)
    )


@operator("CastLike")
def cast_like(x, like, saturate=1):
    return x.to(like.dtype)


@operator("Dropout")
def dropout(x, ratio=None, training=None, seed=None):
    return x, torch.ones(x.shape, dtype=torch.bool)


# ---- constants and shapes ---------------------------------------------------------------------------------------------


@operator("Constant")
def constant(value=None, value_float=None, value_int=None, value_ints=None, value_floats=None):
    given = next(v for v in (value, value_float, value_int, value_ints, value_floats) if v is not None)
    if value is not None:

        given = onnx.numpy_helper.to_array(value)
    tensor = torch.tensor(np.asarray(given))
    return tensor.to(torch.get_default_dtype()) if tensor.is_floating_point() else tensor


@operator("Shape")
def shape(x, start=0, end=None):
    return torch.tensor(list(x.shape)[start:end], dtype=torch.int64)


@operator("Size")
def size(x):
    return torch.tensor(x.numel())


@operator("ConstantOfShape")
def constant_of_shape(dims, value=None):
    fill = constant(value=value) if value is not None else torch.zeros(1)
    return fill.reshape(()).expand(integers(dims))


@operator("Range")
def range_(start, limit, step):
    return torch.arange(start.item(), limit.item(), step.item(), dtype=start.dtype)
