"""ONNX operators that the compiler expresses by others, in PyTorch."""

import math

import torch
import torch.nn.functional as F

from interpreter import FUNCTIONS, integers, operator
from reference_layers import reduction

# ---- one number at a time ---------------------------------------------------------------------------------------------

for name, function in {
    "Softplus": F.softplus,
    "Mish": F.mish,
    "HardSwish": F.hardswish,
    "Softsign": F.softsign,
    "Selu": F.selu,
    "LeakyRelu": lambda x, alpha=0.01: F.leaky_relu(x, alpha),
    "Elu": lambda x, alpha=1.0: F.elu(x, alpha),
    "Celu": lambda x, alpha=1.0: F.celu(x, alpha),
    "ThresholdedRelu": lambda x, alpha=1.0: torch.where(x > alpha, x, 0),
    "HardSigmoid": lambda x, alpha=0.2, beta=0.5: (alpha * x + beta).clamp(0, 1),
    "PRelu": lambda x, slope: torch.where(x < 0, x * slope, x),
}.items():
    FUNCTIONS[name] = function


@operator("Clip")
def clip(x, low=None, high=None):
    x = x if low is None else torch.maximum(x, low)
    return x if high is None else torch.minimum(x, high)


@operator("Sum")
def sum_(*terms):
    return sum(terms[1:], terms[0])


# ---- reductions and normalisations ------------------------------------------------------------------------------------

FUNCTIONS["ReduceL1"] = reduction(lambda x, dim: x.abs().sum(dim, keepdim=True))
FUNCTIONS["ReduceL2"] = reduction(lambda x, dim: torch.linalg.vector_norm(x, 2, dim, True))
FUNCTIONS["ReduceLogSumExp"] = reduction(lambda x, dim: torch.logsumexp(x, dim, True))


@operator("ReduceSumSquare")
def reduce_sum_square(x, *axes, **attributes):
    return FUNCTIONS["ReduceSum"](x * x, *axes, **attributes)


@operator("LogSoftmax")
def log_softmax(x, axis=-1):
    return torch.log_softmax(x, axis)


@operator("LpNormalization")
def lp_normalization(x, axis=-1, p=2):
    return x / torch.linalg.vector_norm(x, p, axis, True)


def per_channel(values, x):
    return values.reshape(-1, *[1] * (x.dim() - 2))


@operator("InstanceNormalization")
def instance_norm(x, scale, bias, epsilon=1e-5):
    return F.instance_norm(x, None, None, scale, bias, True, 0, epsilon)


@operator("GroupNormalization")
def group_norm(x, scale, bias, num_groups=1, epsilon=1e-5, stash_type=1):
    return F.group_norm(x, num_groups, scale, bias, epsilon)


@operator("BatchNormalization")
def batch_norm(x, scale, bias, mean, variance, epsilon=1e-5):
    inverse = torch.rsqrt(variance + epsilon)
    return (x - per_channel(mean, x)) * per_channel(scale * inverse, x) + per_channel(bias, x)


# ---- moves and choices ------------------------------------------------------------------------------------------------


@operator("Tile")
def tile(x, repeats):
    return x.repeat(integers(repeats))


@operator("Pad")
def pad(x, pads, value=None, axes=None, mode="constant"):
    chosen = [a % x.dim() for a in integers(axes)] if axes is not None else list(range(x.dim()))
    given = integers(pads)
    for i, axis in enumerate(chosen):
        before, after, n = given[i], given[len(chosen) + i], x.shape[axis]
        at = torch.arange(-before, n + after)
        inside = {
            "constant": at,
            "edge": at.clamp(0, n - 1),
            "wrap": at % n,
            "reflect": (n - 1) - ((at.abs()) - (n - 1)).abs(),
        }[mode]
        rows = x.index_select(axis, inside.clamp(0, n - 1))
        if mode == "constant":
            outside = ((at < 0) | (at >= n)).reshape(-1, *[1] * (x.dim() - axis - 1))
            rows = torch.where(outside, torch.zeros(()) if value is None else value, rows)
        x = rows
    return x


@operator("TopK")
def top_k(x, k, axis=-1, largest=1, sorted=1):
    return tuple(torch.topk(x, int(k), axis, bool(largest)))


@operator("ArgMax")
def arg_max(x, axis=0, keepdims=1, select_last_index=0):
    return x.argmax(axis, bool(keepdims))


@operator("ScatterElements")
def scatter_elements(x, ids, updates, axis=0, reduction="none"):
    return (x.scatter_add if reduction == "add" else x.scatter)(axis % x.dim(), ids.long() % x.shape[axis], updates)


@operator("ScatterND")
def scatter_nd(x, ids, updates, reduction="none"):
    return x.index_put(tuple(ids.long().unbind(-1)), updates, accumulate=reduction == "add")


@operator("OneHot")
def one_hot(ids, depth, values, axis=-1):
    chosen = F.one_hot(ids.long() % int(depth), int(depth)).movedim(-1, axis)
    return torch.where(chosen == 1, values[1], values[0])


@operator("DepthToSpace")
def depth_to_space(x, blocksize, mode="DCR"):
    n, c, h, w = x.shape
    b, d = blocksize, c // blocksize**2
    x = x.reshape(n, b, b, d, h, w).permute(0, 3, 4, 1, 5, 2) if mode == "DCR" else x.reshape(n, d, b, b, h, w).permute(0, 1, 4, 2, 5, 3)
    return x.reshape(n, d, h * b, w * b)


# ---- products and windows ---------------------------------------------------------------------------------------------


@operator("Einsum")
def einsum(*operands, equation):
    return torch.einsum(equation, *operands)


def windows(x, kernel, strides, dilations, pads, ceil_mode):
    """[batch, channels, windows..., elements of a window], NaN outside, and where it is the padding that is counted."""
    rank = len(kernel)
    before, after = pads[:rank], pads[rank:]
    index, counted = [], []
    for i, n in enumerate(x.shape[2:]):
        reach = (kernel[i] - 1) * dilations[i] + 1
        span = n + before[i] + after[i] - reach
        count = span // strides[i] + 1
        if ceil_mode and span % strides[i] and count * strides[i] < n + before[i]:
            count += 1
        at = torch.arange(count)[:, None] * strides[i] - before[i] + torch.arange(kernel[i]) * dilations[i]
        index.append(at)
        counted.append(at < n + after[i])
    for i, at in enumerate(index):
        n = x.shape[2 + 2 * i]
        inside = (at >= 0) & (at < n)
        x = x.movedim(2 + 2 * i, -1)[..., at.clamp(0, n - 1)]
        x = torch.where(inside, x, math.nan).movedim((-2, -1), (2 + 2 * i, 3 + 2 * i))
    order = [0, 1, *(2 + 2 * i for i in range(rank)), *(3 + 2 * i for i in range(rank))]
    whole = torch.ones(())
    for i, seen in enumerate(counted):
        shape = [1] * (2 * rank)
        shape[i], shape[rank + i] = seen.shape
        whole = whole * seen.reshape(shape)
    return x.permute(order).flatten(2 + rank), whole.flatten(rank)


def window_attributes(kernel, strides, dilations, pads):
    ones = [1] * len(kernel)
    return kernel, strides or ones, dilations or ones, pads or [0] * (2 * len(kernel))


@operator("MaxPool")
def max_pool(x, kernel_shape, strides=None, dilations=None, pads=None, ceil_mode=0):
    elements, _ = windows(x, *window_attributes(kernel_shape, strides, dilations, pads), ceil_mode)
    return torch.where(elements.isnan(), -math.inf, elements).max(-1).values


@operator("AveragePool")
def average_pool(x, kernel_shape, strides=None, dilations=None, pads=None, ceil_mode=0, count_include_pad=0):
    elements, counted = windows(x, *window_attributes(kernel_shape, strides, dilations, pads), ceil_mode)
    counts = counted.sum(-1) if count_include_pad else (~elements.isnan()).sum(-1)
    return torch.where(elements.isnan(), 0, elements).sum(-1) / counts


@operator("GlobalAveragePool")
def global_average_pool(x):
    return x.mean(list(range(2, x.dim())), True)


@operator("GlobalMaxPool")
def global_max_pool(x):
    return x.amax(list(range(2, x.dim())), True)


@operator("Conv")
def conv(x, weight, bias=None, group=1, strides=None, dilations=None, pads=None, kernel_shape=None):
    kernel = list(weight.shape[2:])
    elements, _ = windows(x, *window_attributes(kernel, strides, dilations, pads), 0)
    elements = torch.where(elements.isnan(), 0, elements)
    n, c, *places, size = elements.shape
    parts = elements.reshape(n, group, c // group, math.prod(places), size)
    y = torch.einsum("ngcps,gocs->ngop", parts, weight.reshape(group, weight.shape[0] // group, c // group, size))
    y = y.reshape(n, weight.shape[0], *places)
    return y if bias is None else y + per_channel(bias, y)
