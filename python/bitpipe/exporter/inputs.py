"""The tensors that a module is called with while it is exported."""

import inspect
import re

from bitpipe.exporter.errors import ExportError, in_one_line
from bitpipe.exporter.sources import split

TYPES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
IDS = ("input_ids", "decoder_input_ids")
MASKS = ("attention_mask", "decoder_attention_mask")
ZEROS = ("token_type_ids",)
OF_TASK = {"causal-lm": "input_ids", "masked-lm": "input_ids,attention_mask,token_type_ids",
           "seq2seq": "input_ids,decoder_input_ids"}


def accepted(module):
    """The arguments of forward by name; None where any name is taken."""
    parameters = inspect.signature(module.forward).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return [p.name for p in parameters if p.kind is not p.VAR_POSITIONAL]


def required(module):
    """The arguments that forward must get."""
    return [p.name for p in inspect.signature(module.forward).parameters.values()
            if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]


def by_spec(item, batch, sequence, vocabulary):
    """One input: NAME, NAME:TYPE or NAME:TYPE[SIZES]. Masks are full, token
    types zero, ids below the vocabulary, numbers normal."""
    import torch

    match = re.fullmatch(r"([A-Za-z_]\w*)(?::(\w+)(?:\[([\d\s,]*)\])?)?", item)
    if not match or (match[2] and match[2] not in TYPES):
        raise ExportError(f"--inputs has '{item}', expected NAME or NAME:TYPE[SIZES] with a type of {', '.join(TYPES)}")
    name, kind, sizes = match.groups()
    shape = [batch, sequence] if sizes is None else [int(size) for size in sizes.split(",") if size.strip()]
    if kind is None and name not in IDS + MASKS + ZEROS:
        raise ExportError(f"--inputs has '{name}' without a type, expected some of {', '.join(IDS + MASKS + ZEROS)}, "
                          f"or the type and sizes as {name}:float32[2,3]")
    kind = getattr(torch, kind or "int64")
    if name in MASKS or kind is torch.bool:
        return name, torch.ones(shape, dtype=kind)
    if name in ZEROS:
        return name, torch.zeros(shape, dtype=kind)
    if kind.is_floating_point:
        return name, torch.randn(shape).to(kind)
    return name, torch.randint(vocabulary, shape).to(kind)


def example(module, text, batch, sequence, vocabulary):
    """The inputs that a text names, as a dict of tensors."""
    names = accepted(module)
    inputs = {}
    for item in split(text):
        name = item.partition(":")[0]
        if names is not None and name not in names:
            raise ExportError(f"--inputs has '{name}', expected some of {', '.join(names)}, what forward takes")
        name, value = by_spec(item, batch, sequence, vocabulary)
        if name in inputs:
            raise ExportError(f"--inputs has '{name}' twice")
        inputs[name] = value
    missing = [name for name in required(module) if name not in inputs]
    if missing:
        given = ",".join(inputs) + "," if inputs else ""
        raise ExportError(f"forward takes {', '.join(missing)}, too: expected --inputs {given}"
                          + ",".join(f"{name}:float32[2,3]" for name in missing) + ", or a function example_inputs "
                          "beside the module's that returns a dict of tensors")
    return inputs


def of_task(module, task):
    """The inputs that a model of transformers is trained with."""
    names = accepted(module)
    return ",".join(name for name in OF_TASK[task].split(",") if names is None or name in names)


def of_file(file, module):
    """What the file's own example_inputs returns; None if it has none."""
    import torch

    if not hasattr(file, "example_inputs"):
        return None
    with in_one_line("example_inputs"):
        inputs = file.example_inputs()
    if not isinstance(inputs, dict) or not all(isinstance(v, torch.Tensor) for v in inputs.values()):
        raise ExportError(f"example_inputs returns {type(inputs).__name__}, expected a dict of tensors by name")
    names = accepted(module)
    strange = [name for name in inputs if names is not None and name not in names]
    if strange:
        raise ExportError(f"example_inputs has '{strange[0]}', expected some of {', '.join(names)}, what forward takes")
    return inputs


def describe(inputs):
    """'a, b [2, 8], x float32 [3]': what is not int64 by its type."""
    text, last = "", None
    for name, value in inputs.items():
        kind = str(value.dtype).removeprefix("torch.")
        form = f"{'' if kind == 'int64' else kind + ' '}{list(value.shape)}"
        text += ("" if last is None else ", " if form == last else f" {last}, ") + name
        last = form
    return f"{text} {last}" if last else "none"
