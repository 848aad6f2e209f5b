"""Where PyTorch lets no gradient through, carried into the traced graph.

ONNX has no word for it. In the graph it is aten.detach, which becomes an
operator of our own and in the file an Identity with a mark: other tools read
it, bitpipe-opt honours it.
"""

import operator

import torch

from bitpipe.exporter.errors import ExportError, some
from bitpipe.exporter.training import tensors

aten = torch.ops.aten
NO_GRAD = torch.ops.higher_order.wrap_with_set_grad_enabled
DETACHES = (aten.detach.default, aten.detach_.default)
TOLERANCE = {torch.float16: 3e-2, torch.bfloat16: 1e-1}


def carry(program):
    """Makes every value that has no gradient, although it depends on a trained
    parameter, the result of an aten.detach; there are no others."""
    graph = program.graph_module
    parameters = program.graph_signature.inputs_to_parameters
    trained = {node for node in graph.graph.nodes if node.op == "placeholder" and node.name in parameters
               and program.state_dict[parameters[node.name]].requires_grad}
    visit(graph, trained)
    graph.recompile()


def is_float(node):
    value = node.meta.get("val")
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def region(graph, node):
    """The graph that a node calls, and its arguments; None if it calls none."""
    for i, argument in enumerate(node.args):
        if isinstance(argument, torch.fx.Node) and argument.op == "get_attr":
            called = getattr(graph, argument.target, None)
            if isinstance(called, torch.fx.GraphModule):
                return called, node.args[i + 1:]
    return None


def visit(graph, dependent):
    """`dependent` are the nodes through which gradients flow: those that are
    given, and what depends on them. Returns whether a result is one."""
    for node in list(graph.graph.nodes):
        if not any(source in dependent for source in node.all_input_nodes):
            if node.target in DETACHES:
                node.replace_all_uses_with(node.args[0])
            continue
        if node.op == "output":
            return True
        called = region(graph, node) if node.op == "call_function" else None
        if called:
            enter(*called, node, dependent)
        elif node.target in DETACHES:
            if not is_float(node):
                node.replace_all_uses_with(node.args[0])
        elif node.target is operator.getitem or is_float(node) or node.meta.get("val") is None:
            dependent.add(node)
            if node.target is aten.embedding.default:
                stop_padding(graph.graph, node, dependent)
    return False


def enter(called, arguments, node, dependent):
    """A region: its results have no gradient under no_grad."""
    if node.target is not NO_GRAD or node.args[0]:
        inside = [n for n in called.graph.nodes if n.op == "placeholder"]
        visit(called, {inner for inner, outer in zip(inside, arguments) if outer in dependent})
        called.recompile()
        dependent.add(node)
        return
    check_inside(called)
    for result in list(node.users):
        if is_float(result):
            insert_after(result, lambda graph, value: graph.call_function(aten.detach.default, (value,)))


def check_inside(called):
    for _, inner in called.named_modules():
        for node in inner.graph.nodes if isinstance(inner, torch.fx.GraphModule) else ():
            if node.target is NO_GRAD and node.args[0]:
                raise ExportError("enable_grad inside of no_grad cannot be exported, expected the two side by side")


def insert_after(node, make):
    """Gives all users of a node what `make` builds from it."""
    users = list(node.users)
    graph = node.graph
    with graph.inserting_before(node.next):
        made = make(graph, node)
    for user in users:
        user.replace_input_with(node, made)
    return made


def stop_padding(graph, node, dependent):
    """Rows that padding_idx selects have no gradient."""
    padding = node.args[2] if len(node.args) > 2 else node.kwargs.get("padding_idx", -1)
    if padding < 0:
        return

    def make(graph, rows):
        ids = graph.call_function(aten.eq.Scalar, (node.args[1], padding))
        ids = graph.call_function(aten.unsqueeze.default, (ids, -1))
        stopped = graph.call_function(aten.detach.default, (rows,))
        return graph.call_function(aten.where.self, (ids, stopped, rows))

    dependent.add(insert_after(node, make))


def gradients(call, inputs, parameters):
    """Of a sum of all outputs with fixed factors."""
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(0)
        outputs = [t for t in tensors(call(**inputs)) if t.is_floating_point()]
        factors = torch.Generator().manual_seed(1)
        loss = sum((t.float() * torch.randn(t.shape, generator=factors)).sum() for t in outputs)
    if not isinstance(loss, torch.Tensor) or not loss.requires_grad:
        return [None] * len(parameters)
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return [None if g is None else g.to_dense().float() for g in found]


def largest(gradient):
    """Its greatest magnitude; numbers that are none do not count."""
    return float(gradient.abs().nan_to_num(0.0, 0.0).max()) if gradient is not None and gradient.numel() else 0.0


def check(module, program, inputs):
    """Compares the gradients of the traced graph with the module's own: what
    tracing loses (a backward function of its own, a hook) is an error."""
    named = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    parameters = [p for _, p in named]
    want = gradients(module, inputs, parameters)
    got = gradients(program.module(), inputs, parameters)
    scale = max([largest(g) for g in want], default=0.0)
    wrong = []
    for (name, parameter), ours, theirs in zip(named, got, want):
        both = ours is not None and theirs is not None
        worst = largest(ours - theirs if both else theirs if ours is None else ours)
        if not worst <= TOLERANCE.get(parameter.dtype, 1e-3) * scale:
            wrong.append(name)
    if wrong:
        raise ExportError(f"the traced graph has other gradients than the module for {some(wrong)}: expected no backward "
                          "functions of its own (autograd.Function), hooks, or changes in place under no_grad")
    return [name for (name, _), gradient in zip(named, want) if gradient is None]
