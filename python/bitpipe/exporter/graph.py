"""A module as an ONNX graph: every parameter once, under its own name."""

import contextlib
import functools
import io
import json
import logging
import types
import warnings

import numpy
import onnx
import onnx_ir
import torch

from bitpipe.exporter import attention, gradients, training
from bitpipe.exporter.errors import ExportError, in_one_line, say, some

PARAMETERS_KEY = "bitpipe.parameters"
FROZEN_KEY = "bitpipe.frozen"
ALIASES_KEY = "bitpipe.aliases"
DETACH_KEY = "bitpipe.detach"
SCOPES_KEY = "pkg.torch.onnx.name_scopes"
DOMAIN = "bitpipe"
TRAINING = "dropout_training_mode"


def trace(module, inputs, symbolic_batch, verify):
    """The module as a graph of aten operations that says where no gradient
    flows."""
    options = {}
    if symbolic_batch:
        batch = torch.export.Dim("batch")
        options["dynamic_shapes"] = {name: {0: batch} if value.dim() else {} for name, value in inputs.items()}
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # it has no gradient
    try:
        with training.without_checkpointing():
            with in_one_line("tracing the module"), quiet(), no_data():
                program = torch.export.export(module, (), kwargs=dict(inputs), strict=False, **options)
            attention.expand(program)
            gradients.carry(program)
            idle = gradients.check(module, program, inputs) if verify else []
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    if idle:
        say(f"no gradient reaches {some(idle)}")
    return program


@contextlib.contextmanager
def no_data():
    """Says in words what PyTorch's exporter finds when x.data is read."""
    try:
        yield
    except RuntimeError as error:
        if "fake tensor" in str(error):
            raise ExportError("the module reads x.data or x.numpy() of a value that it computes, expected x.detach()") from error
        raise


def to_onnx(program, inputs, output_names, opset, names, symbolic_batch):
    """The graph in ONNX, optimised but for the parameters and Dropout's mode."""
    import onnxscript.optimizer

    named = {name: {0: "batch"} if value.dim() else {} for name, value in inputs.items()}
    with in_one_line("translating to ONNX"), quiet():
        model = torch.onnx.export(
            program, (), kwargs=dict(inputs), dynamo=True, optimize=False, opset_version=opset,
            input_names=list(inputs), output_names=output_names,
            dynamic_shapes=named if symbolic_batch else None,
            custom_translation_table={torch.ops.aten.detach.default: detach_function()}).model
        train_dropouts(model)
        with as_inputs(model.graph, names | {TRAINING}), exact_constants():
            onnxscript.optimizer.optimize(model)
        drop_unread(model.graph, TRAINING)
    return model


@functools.cache
def detach_function():
    """Translates aten.detach. The operator is known to no optimiser."""
    import onnxscript

    schema = onnx.defs.OpSchema(
        "Detach", DOMAIN, 1, inputs=[onnx.defs.OpSchema.FormalParameter("x", "T")],
        outputs=[onnx.defs.OpSchema.FormalParameter("y", "T")],
        type_constraints=[("T", ["tensor(float)", "tensor(double)", "tensor(float16)", "tensor(bfloat16)"], "")])
    onnx.defs.register_schema(schema)
    opset = onnxscript.values.Opset(DOMAIN, 1)

    def detach(self):
        return opset.Detach(self)

    return detach


@contextlib.contextmanager
def quiet():
    """Silences the exporter's progress and warnings; errors still come through."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), \
                contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


@contextlib.contextmanager
def as_inputs(graph, names):
    """Hides the values of parameters, and of the mode, from an optimiser: for it
    they are inputs, about which nothing is known, and which are no other one's
    constant."""
    values = [v for name, v in graph.initializers.items() if name in names]
    tensors = [value.const_value for value in values]
    for value in values:
        del graph.initializers[value.name]
        value.const_value = None
        graph.inputs.append(value)
    try:
        yield
    finally:
        for value, tensor in zip(values, tensors):
            graph.inputs.remove(value)
            value.const_value = tensor
            graph.initializers[value.name] = value


@contextlib.contextmanager
def exact_constants():
    """For onnxscript's rules 1e-8 is 0 and 1.000001 is 1, so that x + 1e-8 would become x."""
    import onnxscript
    from onnxscript.rewriter import _matcher

    if not hasattr(_matcher, "math"):
        raise ExportError(f"onnxscript {onnxscript.__version__} compares constants in another way than 0.7, expected that")
    usual = _matcher.math
    _matcher.math = types.SimpleNamespace(isclose=lambda a, b, **_: a == b)
    try:
        yield
    finally:
        _matcher.math = usual


def drop_unread(graph, name):
    if name in graph.initializers and not graph.initializers[name].uses():
        del graph.initializers[name]


def train_dropouts(model):
    """Dropouts that attention was decomposed into come without a mode; all get
    the same one, which nothing else reads."""
    dropouts = [node for node in model.graph if node.op_type == "Dropout" and node.domain == ""]
    if not dropouts:
        return
    mode = onnx_ir.Value(name=TRAINING, shape=onnx_ir.Shape([]), type=onnx_ir.TensorType(onnx_ir.DataType.BOOL))
    set_mode(mode, True)
    model.graph.initializers[TRAINING] = mode
    for node in dropouts:
        while len(node.inputs) < 3:
            node.resize_inputs(3)
        node.replace_input_with(2, mode)


def set_mode(mode, trains):
    mode.const_value = onnx_ir.tensor(numpy.array(trains), name=mode.name)


def mark_detached(model):
    """Our operator becomes an Identity that says so."""
    for node in model.graph:
        if node.domain == DOMAIN and node.op_type == "Detach":
            node.domain, node.op_type = "", "Identity"
            node.metadata_props[DETACH_KEY] = "1"
    model.opset_imports.pop(DOMAIN, None)


def strip(model):
    """Leaves of the exporter's notes only the scopes and our own: the others
    are long, and name the files of the machine that exported."""
    model.graph.doc_string = None
    for node in model.graph.all_nodes() if hasattr(model.graph, "all_nodes") else model.graph:
        kept = {key: node.metadata_props[key] for key in (SCOPES_KEY, DETACH_KEY) if key in node.metadata_props}
        node.metadata_props.clear()
        node.metadata_props.update(kept)
        node.doc_string = None


def name_parameters(model, module):
    """Writes which parameters are trained, which are frozen, and the further
    names of tied ones. Returns the three."""
    groups = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        groups.setdefault(id(parameter), (parameter, []))[1].append(name)
    initializers = model.graph.initializers
    trained, frozen, aliases = [], [], {}
    for parameter, names in groups.values():
        present = [name for name in names if name in initializers]
        if not present:  # Nothing reads it, but who saves wants it.
            add_parameter(model, names[0], parameter)
            present = names[:1]
        for copy in present[1:]:
            initializers[copy].replace_all_uses_with(initializers[present[0]])
            del initializers[copy]
        (trained if parameter.requires_grad else frozen).append(present[0])
        aliases.update({name: present[0] for name in names if name != present[0]})
    model.metadata_props[PARAMETERS_KEY] = json.dumps(trained)
    if frozen:
        model.metadata_props[FROZEN_KEY] = json.dumps(frozen)
    if aliases:
        model.metadata_props[ALIASES_KEY] = json.dumps(aliases)
    return trained, frozen, aliases


def add_parameter(model, name, parameter):
    from torch.onnx._internal.exporter._core import TorchTensor

    tensor = TorchTensor(parameter.detach(), name=name)
    value = onnx_ir.Value(name=name, shape=onnx_ir.Shape(parameter.shape), type=onnx_ir.TensorType(tensor.dtype))
    value.const_value = tensor
    model.graph.initializers[name] = value
