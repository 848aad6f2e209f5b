"""What a module does in training only, which its graph in evaluation lacks."""

import contextlib
import inspect
import warnings

import torch
from torch.nn import functional as F
from torch.nn.modules import module as hooks
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from bitpipe.exporter.errors import ExportError, describe, in_one_line, say, some

TOLERANCE = 1e-3
EXPORTED_DROPOUTS = ("dropout", "scaled_dot_product_attention", "multi_head_attention_forward")


class Watch(TorchFunctionMode):
    """Notes every dropout with the module that calls it, and leaves it out.
    Refuses tables whose gradient is scaled or whose rows are changed."""

    def __init__(self, names):
        super().__init__()
        self.names, self.stack = names, []
        self.dropouts = []  # (module, name of the module, function, probability)
        self.sparse = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(function, "__name__", "")
        if name in ("embedding", "embedding_bag"):
            self.check_table(inspect.signature(getattr(F, name)).bind(*args, **kwargs).arguments)
        elif name == "scaled_dot_product_attention":
            args, kwargs = self.without(name, args, kwargs, 4)
        elif name == "multi_head_attention_forward":
            args, kwargs = self.without_in_signature(args, kwargs)
        elif name.endswith("dropout") or name in ("dropout_", "dropout1d", "dropout2d", "dropout3d"):
            return self.dropped(name, *args, **kwargs)
        return function(*args, **kwargs)

    def owner(self):
        return self.stack[-1] if self.stack else None

    def called(self):
        return self.names.get(self.owner()) or type(self.owner()).__name__

    def note(self, function, p):
        if p > 0:
            self.dropouts.append((self.owner(), self.called(), function, float(p)))

    def dropped(self, name, input, p=0.5, training=True, *_, train=None, **__):
        if training if train is None else train:
            self.note(name, p)
        return input

    def without(self, name, args, kwargs, position):
        p = args[position] if len(args) > position else kwargs.get("dropout_p", 0.0)
        self.note(name, p)
        if len(args) > position:
            return args[:position] + (0.0,) + args[position + 1:], kwargs
        return args, {**kwargs, "dropout_p": 0.0}

    def without_in_signature(self, args, kwargs):
        bound = inspect.signature(F.multi_head_attention_forward).bind(*args, **kwargs)
        if bound.arguments.get("training", True):
            self.note("multi_head_attention_forward", bound.arguments["dropout_p"])
        bound.arguments["dropout_p"] = 0.0
        return bound.args, bound.kwargs

    def check_table(self, given):
        if given.get("max_norm") is not None:
            raise ExportError(f"'{self.called()}' has max_norm={given['max_norm']}, which changes its rows as they are "
                              "read: expected an embedding without")
        if given.get("scale_grad_by_freq"):
            raise ExportError(f"'{self.called()}' has scale_grad_by_freq=True, which no ONNX file can say: expected an "
                              "embedding without")
        if given.get("sparse") and self.called() not in self.sparse:
            self.sparse.append(self.called())

    @contextlib.contextmanager
    def following(self):
        """With the stack of the modules that are being called."""
        push = hooks.register_module_forward_pre_hook(lambda module, _: self.stack.append(module))
        pop = hooks.register_module_forward_hook(lambda *_: self.stack.pop() and None, always_call=True)
        try:
            with self:
                yield self
        finally:
            push.remove()
            pop.remove()


@contextlib.contextmanager
def as_it_was(module):
    """Buffers, modes and the generator come back afterwards."""
    buffers = [(buffer, buffer.clone()) for buffer in module.buffers()]
    modes = [(part, part.training) for part in module.modules()]
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            with torch.no_grad():
                for buffer, value in buffers:
                    buffer.copy_(value)
            for part, mode in modes:
                part.training = mode


def tensors(output):
    return [leaf for leaf in pytree.tree_leaves(output) if isinstance(leaf, torch.Tensor)]


def distance(got, want):
    """The greatest difference of two lists of tensors, of the greatest value."""
    if [t.shape for t in got] != [t.shape for t in want]:
        return float("inf")
    worst = 0.0
    for a, b in zip(got, want):
        if a.numel() and a.is_floating_point():
            worst = max(worst, float((a.float() - b.float()).abs().nan_to_num(0.0).max() / max(1e-6, float(b.float().abs().nan_to_num(0.0).max()))))
    return worst


def watch(module, inputs):
    """The outputs in evaluation, and what training does besides: a Watch."""
    names = {part: name for name, part in module.named_modules()}
    check_hooks(module)
    seen = Watch(names)
    with as_it_was(module), torch.no_grad():
        module.eval()
        state = state_of(module)
        shown = ", ".join(f"{name} {list(value.shape)}" for name, value in inputs.items())
        with in_one_line(f"the module fails on {shown}"), seen.following():
            outputs = tensors(module(**inputs))
        if not outputs:
            raise ExportError("the module returns no tensor")
        check_state(state, state_of(module))
        try:
            module.train()
            state = state_of(module)
            with seen.following():
                trained = tensors(module(**inputs))
            changed = changes(state, state_of(module))
        except ExportError:
            raise
        except Exception as error:
            say(f"the module does not run in training mode ({describe(error)}): what it does there is not looked at")
            return seen
    if changed:
        say(f"in training the module changes {some(changed)}: they stay as they are, exported is what it computes in evaluation")
    elif distance(trained, outputs) > TOLERANCE:
        say("in training the module computes otherwise than in evaluation, dropout aside: exported is the latter")
    if seen.sparse:
        say(f"sparse gradients of {some(seen.sparse)} become dense ones")
    return seen


def state_of(module):
    """Parameters, which are large, by their versions, buffers by their values."""
    versions = {name: torch.tensor([id(p), p._version]) for name, p in module.named_parameters()}
    return {**versions, **{name: buffer.clone() for name, buffer in module.named_buffers()}}


def changes(before, after):
    """The names of what is new or another."""
    return [name for name in after if name not in before or not torch.equal(before[name], after[name])]


def check_state(before, after):
    """A graph is a function: what it is to remember would be lost."""
    changed = changes(before, after)
    if changed:
        raise ExportError(f"the module changes {some(changed)} while it computes, which cannot be exported: expected a "
                          "forward that changes nothing in evaluation")


def check_hooks(module):
    """Hooks on gradients are Python, which no file can hold."""
    for name, part in module.named_modules():
        if part._backward_hooks or part._backward_pre_hooks:
            raise ExportError(f"module '{name}' has a backward hook, which cannot be exported: expected none")
    for name, parameter in module.named_parameters():
        if parameter._backward_hooks or getattr(parameter, "_post_accumulate_grad_hooks", None):
            raise ExportError(f"parameter '{name}' has a gradient hook, which cannot be exported: expected none")


def say_dropped(seen):
    """One line about the dropout that the file lacks."""
    if not seen.dropouts:
        return
    by_p = {}
    for _, name, _, p in seen.dropouts:
        by_p.setdefault(p, {})[name] = True
    parts = [f"p={p:g} in {some(names, 3)}" for p, names in by_p.items()]
    say(f"dropout is left out: {'; '.join(parts)}; --dropout keeps it")


def keep_dropout(seen):
    """Sets the modules that drop to training, and no others."""
    for owner, name, function, p in seen.dropouts:
        if function not in EXPORTED_DROPOUTS:
            raise ExportError(f"'{name}' calls {function}, expected dropout of single elements with --dropout")
        owner.training = True


@contextlib.contextmanager
def without_checkpointing():
    """torch.utils.checkpoint calls its function and nothing more: its own
    backward function would look like a region without gradient."""
    from torch.utils import checkpoint

    reentrant, other = checkpoint.CheckpointFunction, checkpoint._checkpoint_without_reentrant_generator
    used = []

    class Direct:
        @staticmethod
        def apply(function, preserve, *args):
            used.append(function)
            return function(*args)

    def noted(function, *args, **kwargs):
        used.append(function)
        return other(function, *args, **kwargs)

    checkpoint.CheckpointFunction, checkpoint._checkpoint_without_reentrant_generator = Direct, noted
    try:
        yield
    finally:
        checkpoint.CheckpointFunction, checkpoint._checkpoint_without_reentrant_generator = reentrant, other
    if used:
        say("torch.utils.checkpoint is left out: what is recomputed is the compiler's choice")
