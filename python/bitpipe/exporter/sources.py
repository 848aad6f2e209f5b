"""Where a module comes from: transformers, or a function in a file."""

import ast
import difflib
import importlib.util
import json
import os

from bitpipe.exporter.errors import ExportError, in_one_line, package, say

MAPPINGS = {  # of transformers.models.auto.modeling_auto, by task
    "causal-lm": ("MODEL_FOR_CAUSAL_LM_MAPPING_NAMES", "AutoModelForCausalLM"),
    "masked-lm": ("MODEL_FOR_MASKED_LM_MAPPING_NAMES", "AutoModelForMaskedLM"),
    "seq2seq": ("MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES", "AutoModelForSeq2SeqLM"),
}
# What is set when a model is made and is no setting of its own.
ALWAYS_SETTINGS = {"attn_implementation", "dtype", "experts_implementation", "torch_dtype", "use_cache"}


def split(text):
    """The items between commas that stand in no bracket and no quotes."""
    items, depth, quote, start = [], 0, "", 0
    for i, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        elif letter == "," and depth == 0:
            items.append(text[start:i])
            start = i + 1
    return [item.strip() for item in [*items, text[start:]] if item.strip()]


def literal(text):
    """A Python or JSON literal, else the text itself."""
    for read in (ast.literal_eval, json.loads):
        try:
            return read(text)
        except (ValueError, SyntaxError):
            continue
    return text


def parse_config(text):
    """'a=1,b=x,c={"d": [1, 2]}' as a dict."""
    config = {}
    for item in split(text or ""):
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise ExportError(f"--config has '{item}', expected NAME=VALUE")
        parsed = literal(value)
        if isinstance(parsed, str) and value[:1] in "[{(":
            raise ExportError(f"--config has {key}={value}, expected a Python or JSON value, "
                              "as rope_scaling={\"factor\": 2.0}, in quotes for the shell")
        config[key] = parsed
    return config


def near(name, known, like=0.4):
    """Those of the known names that are spelled much like this one."""
    close = difflib.get_close_matches(name, known, n=3, cutoff=like)
    return f", near it: {', '.join(close)}" if close else ""


def model_config(transformers, name, config):
    """The configuration of a type or of a folder, with these settings."""
    if os.path.isdir(name):
        with in_one_line(f"--transformers: '{name}'"):
            return transformers.AutoConfig.from_pretrained(name, **config)
    known = list(transformers.CONFIG_MAPPING.keys())
    if name not in known:
        raise ExportError(f"--transformers is '{name}', expected a folder with a model or one of the "
                          f"{len(known)} model types of transformers{near(name, known)}")
    default = transformers.AutoConfig.for_model(name)
    for key in config:
        if key not in ALWAYS_SETTINGS and not hasattr(default, key):
            settings = [*vars(default), *default.attribute_map]
            if near(key, settings, 0.85):
                raise ExportError(f"--config sets '{key}', which {name} has not{near(key, settings, 0.85)}")
            say(f"--config sets '{key}', which {name} has no default of; the model may not read it")
    with in_one_line("--config"):
        return transformers.AutoConfig.for_model(name, **config)


def tasks_of(settings):
    """The tasks that this type of model is made for, the likeliest first."""
    from transformers.models.auto import modeling_auto

    has = [task for task, (mapping, _) in MAPPINGS.items()
           if settings.model_type in getattr(modeling_auto, mapping)]
    if getattr(settings, "is_encoder_decoder", False):
        order = ["seq2seq"]
    elif getattr(settings, "is_decoder", False):
        order = ["causal-lm", "masked-lm"]
    else:
        order = ["masked-lm", "causal-lm"]
    return [task for task in order if task in has]


def transformers_module(name, task, config, tied, fresh):
    """A model by its type ("gpt2"), with fresh weights, or by its folder, with
    the weights there unless `fresh`; and its task."""
    transformers = package("transformers")
    config = {"use_cache": False, **config}
    if tied is not None:
        config["tie_word_embeddings"] = tied
    settings = model_config(transformers, name, config)
    # Experts' products in groups have no form in ONNX; in batches they compute the same.
    if not getattr(settings, "_experts_implementation", None):
        settings._experts_implementation = "batched_mm"
    tasks = tasks_of(settings)
    if not tasks:
        raise ExportError(f"--transformers is '{name}', a {settings.model_type}, which is made for none of "
                          f"{', '.join(MAPPINGS)}: expected one that is, or --module")
    if task not in (None, *tasks):
        raise ExportError(f"--task is {task}, but '{name}' is a {settings.model_type}, expected {' or '.join(tasks)}")
    task = task or tasks[0]
    auto = getattr(transformers, MAPPINGS[task][1])
    # The bias of T5's attention is learned, which the fused form does not say.
    form = {"attn_implementation": "eager"} if task == "seq2seq" else {}
    form.update({k: config[k] for k in ("attn_implementation", "dtype") if k in config})
    with in_one_line(f"--transformers: {name} cannot be made"):
        if fresh or not os.path.isdir(name):
            return auto.from_config(settings, **form), task
        return auto.from_pretrained(name, config=settings, **form), task


def factory_module(spec, config, tied, fresh):
    """What FUNCTION of FILE.py makes from `config`, and the file as a module."""
    import torch

    path, _, function = spec.rpartition(":")
    if not function or not os.path.exists(path):
        raise ExportError(f"--module is '{spec}', expected FILE.py:FUNCTION")
    loaded = importlib.util.spec_from_file_location("exported", path)
    if loaded is None:
        raise ExportError(f"--module is '{spec}', expected FILE.py:FUNCTION")
    file = importlib.util.module_from_spec(loaded)
    with in_one_line(path):
        loaded.loader.exec_module(file)
    if not callable(getattr(file, function, None)):
        raise ExportError(f"--module: {path} has no function '{function}'"
                          f"{near(function, [n for n, v in vars(file).items() if callable(v)])}")
    if tied is not None:
        config = {**config, "tied": tied}
    with in_one_line(f"{spec} with {config}"):
        module = getattr(file, function)(**config)
    if not isinstance(module, torch.nn.Module):
        raise ExportError(f"{spec} returns a {type(module).__name__}, expected a torch.nn.Module")
    if fresh:
        with torch.no_grad():
            for parameter in module.parameters():
                if parameter.dim() > 1:
                    parameter.normal_(std=0.02)
    return module, file
