"""ONNX operators in PyTorch, one function each: the reference that gradients are compared with.

A function takes the tensors at the node's inputs (None where one is left out) and its attributes, and returns a
tensor or a tuple of them. Floats have whatever precision the caller chose (float64, and float32 to see how much
rounding alone costs); a Cast between floats therefore keeps it. What a forward computes here is itself compared with
onnxruntime.
"""
import contextlib
import math

import numpy as np
import torch
import torch.nn.functional as F

ONNX_TYPES = {1: torch.float32, 2: torch.uint8, 3: torch.int8, 5: torch.int16, 6: torch.int32, 7: torch.int64,
              9: torch.bool, 10: torch.float16, 11: torch.float64, 16: torch.bfloat16}
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


# ---- one number at a time ---------------------------------------------------------------------------------------

for name, function in {
        "Not": torch.logical_not, "Neg": torch.neg, "Abs": torch.abs, "Sqrt": torch.sqrt, "Exp": torch.exp,
        "Log": torch.log, "Cos": torch.cos, "Sin": torch.sin, "Tanh": torch.tanh, "Erf": torch.erf,
        "Floor": torch.floor, "Ceil": torch.ceil, "Reciprocal": torch.reciprocal, "Sigmoid": torch.sigmoid,
        "Relu": torch.relu, "Identity": lambda x: x, "IsNaN": torch.isnan, "Add": torch.add, "Sub": torch.sub,
        "Mul": torch.mul, "And": torch.logical_and, "Or": torch.logical_or, "Xor": torch.logical_xor,
        "Equal": torch.eq, "Less": torch.lt, "LessOrEqual": torch.le, "Greater": torch.gt,
        "GreaterOrEqual": torch.ge, "Where": torch.where, "Pow": torch.pow}.items():
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


@operator("Gelu")
def gelu(x, approximate="none"):
    return F.gelu(x, approximate=approximate)


@operator("Cast")
def cast(x, to, saturate=1):
    kind = ONNX_TYPES[to]
    return x if kind.is_floating_point and x.is_floating_point() else x.to(
        torch.get_default_dtype() if kind.is_floating_point else kind)


@operator("CastLike")
def cast_like(x, like, saturate=1):
    return x.to(like.dtype)


@operator("Dropout")
def dropout(x, ratio=None, training=None, seed=None):
    return x, torch.ones(x.shape, dtype=torch.bool)


# ---- constants and shapes ---------------------------------------------------------------------------------------

@operator("Constant")
def constant(value=None, value_float=None, value_int=None, value_ints=None, value_floats=None):
    given = next(v for v in (value, value_float, value_int, value_ints, value_floats) if v is not None)
    if value is not None:
        import onnx
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


# ---- views ------------------------------------------------------------------------------------------------------

@operator("Reshape")
def reshape(x, dims, allowzero=0):
    return x.reshape([x.shape[i] if d == 0 and not allowzero else d for i, d in enumerate(integers(dims))])


@operator("Unsqueeze")
def unsqueeze(x, axes):
    rank = x.dim() + axes.numel()
    for axis in sorted(a % rank for a in integers(axes)):
        x = x.unsqueeze(axis)
    return x


@operator("Squeeze")
def squeeze(x, axes=None):
    chosen = range(x.dim()) if axes is None else {a % x.dim() for a in integers(axes)}
    return x.reshape([d for i, d in enumerate(x.shape) if not (i in chosen and d == 1)])


@operator("Flatten")
def flatten(x, axis=1):
    axis = axis + x.dim() if axis < 0 else axis
    return x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


@operator("Transpose")
def transpose(x, perm=None):
    return x.permute(*(perm if perm is not None else range(x.dim())[::-1])) if x.dim() else x


@operator("Expand")
def expand(x, dims):
    return x.expand(torch.broadcast_shapes(x.shape, integers(dims)))


@operator("Concat")
def concat(*parts, axis):
    return torch.cat(parts, axis)


@operator("Split")
def split(x, sizes=None, axis=0, num_outputs=2):
    if sizes is not None:
        return tuple(torch.split(x, integers(sizes), axis))
    return tuple(torch.split(x, -(-x.shape[axis] // num_outputs), axis))


@operator("Slice")
def slice_(x, starts, ends, axes=None, steps=None):
    axes = integers(axes) if axes is not None else range(starts.numel())
    steps = integers(steps) if steps is not None else [1] * starts.numel()
    for start, end, axis, step in zip(integers(starts), integers(ends), axes, steps):
        n = x.shape[axis]
        at = range(n)[max(start, -n):end:step]  # a start before the first element is the first, whichever the step
        x = x.index_select(axis, torch.tensor(list(at), dtype=torch.int64))
    return x


# ---- indices ----------------------------------------------------------------------------------------------------

@operator("Gather")
def gather(x, ids, axis=0):
    axis %= x.dim()
    rows = x.index_select(axis, (ids.long() % x.shape[axis]).reshape(-1))
    return rows.reshape(x.shape[:axis] + ids.shape + x.shape[axis + 1:])


@operator("GatherElements")
def gather_elements(x, ids, axis=0):
    return torch.gather(x[tuple(slice(None) if i == axis % x.dim() else slice(d) for i, d in enumerate(ids.shape))],
                        axis, ids.long() % x.shape[axis])


@operator("GatherND")
def gather_nd(x, ids, batch_dims=0):
    return x[tuple(ids.long().unbind(-1))]


@operator("CumSum")
def cumsum(x, axis, exclusive=0, reverse=0):
    axis = int(axis)
    x = x.flip(axis) if reverse else x
    sums = x.cumsum(axis).to(x.dtype)
    sums = sums - x if exclusive else sums
    return sums.flip(axis) if reverse else sums


@operator("Trilu")
def trilu(x, k=None, upper=1):
    return (torch.triu if upper else torch.tril)(x, int(k) if k is not None else 0)


# ---- reductions and normalisations ------------------------------------------------------------------------------

def reduced(x, axes, noop):
    if axes is None or not integers(axes):
        return [] if noop else list(range(x.dim()))
    return sorted(a % x.dim() for a in integers(axes))


def reduction(function):
    def apply(x, axes=None, keepdims=1, noop_with_empty_axes=0):
        dims = reduced(x, axes, noop_with_empty_axes)
        for dim in reversed(dims):
            x = function(x, dim)
        if not keepdims:
            x = x.reshape([d for i, d in enumerate(x.shape) if i not in dims])
        return x
    return apply


FUNCTIONS["ReduceSum"] = reduction(lambda x, dim: x.sum(dim, keepdim=True))
FUNCTIONS["ReduceMean"] = reduction(lambda x, dim: x.mean(dim, keepdim=True))
FUNCTIONS["ReduceProd"] = reduction(lambda x, dim: x.prod(dim, keepdim=True))


@operator("ReduceMax")
def reduce_max(x, axes=None, keepdims=1, noop_with_empty_axes=0):
    dims = reduced(x, axes, noop_with_empty_axes)
    return x.amax(dims, keepdim=bool(keepdims)) if dims else x


@operator("ReduceMin")
def reduce_min(x, axes=None, keepdims=1, noop_with_empty_axes=0):
    dims = reduced(x, axes, noop_with_empty_axes)
    return x.amin(dims, keepdim=bool(keepdims)) if dims else x


@operator("Softmax")
def softmax(x, axis=-1):
    return torch.softmax(x, axis)


@operator("LayerNormalization")
def layer_norm(x, weight, bias=None, axis=-1, epsilon=1e-5, stash_type=1):
    dims = list(range(axis % x.dim(), x.dim()))
    mean = x.mean(dims, keepdim=True)
    centred = x - mean
    inverse = torch.rsqrt((centred * centred).mean(dims, keepdim=True) + epsilon)
    y = centred * inverse * weight
    return (y if bias is None else y + bias), mean, inverse


@operator("RMSNormalization")
def rms_norm(x, weight, axis=-1, epsilon=1e-5, stash_type=1):
    dims = list(range(axis % x.dim(), x.dim()))
    return x * torch.rsqrt((x * x).mean(dims, keepdim=True) + epsilon) * weight


# ---- products ---------------------------------------------------------------------------------------------------

@operator("MatMul")
def matmul(a, b):
    return a @ b


@operator("Gemm")
def gemm(a, b, c=None, alpha=1.0, beta=1.0, transA=0, transB=0):
    product = alpha * ((a.T if transA else a) @ (b.T if transB else b))
    return product if c is None else product + beta * c


@operator("Attention")
def attention(q, k, v, mask=None, scale=None, is_causal=0, q_num_heads=0, kv_num_heads=0, softcap=0.0,
              qk_matmul_output_mode=0, softmax_precision=None):
    flat = q.dim() == 3

    def heads(x, count):
        return x.reshape(x.shape[0], x.shape[1], count, -1).transpose(1, 2) if flat else x
    q, k, v = heads(q, q_num_heads), heads(k, kv_num_heads), heads(v, kv_num_heads)
    k, v = (x.repeat_interleave(q.shape[1] // x.shape[1], 1) for x in (k, v))
    scores = q @ k.transpose(2, 3) * (scale if scale is not None else q.shape[-1] ** -0.5)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask
    if is_causal:
        scores = scores.masked_fill(~torch.ones(scores.shape[-2:], dtype=torch.bool).tril(), -math.inf)
    y = torch.softmax(scores, -1) @ v
    return y.transpose(1, 2).flatten(2) if flat else y


# ---- sequences: a Python list of tensors ------------------------------------------------------------------------

@operator("SplitToSequence")
def split_to_sequence(x, sizes=None, axis=0, keepdims=1):
    if sizes is None:
        parts = torch.split(x, 1, axis)
        return list(parts if keepdims else [p.squeeze(axis) for p in parts])
    return list(torch.split(x, int(sizes) if sizes.dim() == 0 else integers(sizes), axis))


@operator("SequenceConstruct")
def sequence_construct(*parts):
    return list(parts)


@operator("SequenceAt")
def sequence_at(parts, position):
    return parts[int(position)]


@operator("SequenceLength")
def sequence_length(parts):
    return torch.tensor(len(parts))


@operator("ConcatFromSequence")
def concat_from_sequence(parts, axis, new_axis=0):
    return torch.stack(parts, axis) if new_axis else torch.cat(parts, axis)
