"""Attention with dropout, which ONNX's Attention has not, in single operations.

PyTorch's own expansion adds truth values to scores.
"""

import inspect
import math

import torch

aten = torch.ops.aten
NEVER = float("-inf")


def plain(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, *, scale=None, enable_gqa=False):
    """What torch.nn.functional.scaled_dot_product_attention documents."""
    if enable_gqa:
        repeats = query.shape[-3] // key.shape[-3]
        key, value = (t.repeat_interleave(repeats, -3) for t in (key, value))
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = torch.matmul(query, key.transpose(-2, -1)) * factor
    if is_causal:
        attn_mask = torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool).tril()
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        scores = torch.where(attn_mask, scores, torch.full((), NEVER, dtype=scores.dtype))
    elif attn_mask is not None:
        scores = scores + attn_mask
    return torch.matmul(torch.dropout(torch.softmax(scores, -1), dropout_p, True), value)


def expand(program):
    """Replaces every attention with dropout by what it computes."""
    for graph in program.graph_module.modules():
        if isinstance(graph, torch.fx.GraphModule):
            expand_in(graph)


def expand_in(graph):
    names = list(inspect.signature(plain).parameters)
    for node in list(graph.graph.nodes):
        if node.target is not aten.scaled_dot_product_attention.default:
            continue
        given = {**dict(zip(names, node.args)), **node.kwargs}
        if not given.get("dropout_p"):
            continue
        operands = {name: value for name, value in given.items() if isinstance(value, torch.fx.Node)}
        settings = {name: value for name, value in given.items() if name not in operands}
        body = torch.fx.experimental.proxy_tensor.make_fx(
            lambda *tensors: plain(**dict(zip(operands, tensors)), **settings), pre_dispatch=True)(
                *(operand.meta["val"] for operand in operands.values()))
        with graph.graph.inserting_before(node):
            inserted = graph.graph.graph_copy(
                body.graph, dict(zip((n for n in body.graph.nodes if n.op == "placeholder"), operands.values())))
        node.replace_all_uses_with(inserted)
        graph.graph.erase_node(node)
    graph.recompile()
