"""ONNX operators that move or choose elements, in PyTorch."""

import math

import torch

from interpreter import integers, operator

# ---- views ------------------------------------------------------------------------------------------------------------


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
        at = range(n)[max(start, -n) : end : step]  # a start before the first element is the first, whichever the step
        x = x.index_select(axis, torch.tensor(list(at), dtype=torch.int64))
    return x


# ---- indices ----------------------------------------------------------------------------------------------------------


@operator("Gather")
def gather(x, ids, axis=0):
    axis %= x.dim()
    rows = x.index_select(axis, (ids.long() % x.shape[axis]).reshape(-1))
    return rows.reshape(x.shape[:axis] + ids.shape + x.shape[axis + 1 :])


@operator("GatherElements")
def gather_elements(x, ids, axis=0):
    return torch.gather(
        x[tuple(slice(None) if i == axis % x.dim() else slice(d) for i, d in enumerate(ids.shape))],
        axis,
        ids.long() % x.shape[axis],
    )


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


# ---- sequences: a Python list of tensors ------------------------------------------------------------------------------


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
