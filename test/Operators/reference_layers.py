"""ONNX reductions, normalisations and products in PyTorch."""

import math

import torch

from interpreter import FUNCTIONS, integers, operator

# ---- reductions and normalisations ------------------------------------------------------------------------------------


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


# ---- products ---------------------------------------------------------------------------------------------------------


@operator("MatMul")
def matmul(a, b):
    return a @ b


@operator("Gemm")
def gemm(a, b, c=None, alpha=1.0, beta=1.0, transA=0, transB=0):
    product = alpha * ((a.T if transA else a) @ (b.T if transB else b))
    return product if c is None else product + beta * c


@operator("Attention")
def attention(
    q,
    k,
    v,
    mask=None,
    scale=None,
    is_causal=0,
    q_num_heads=0,
    kv_num_heads=0,
    softcap=0.0,
    qk_matmul_output_mode=0,
    softmax_precision=None,
):
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
