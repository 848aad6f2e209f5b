"""Exports a PyTorch module to ONNX for training.

    python -m bitpipe.export model.onnx --transformers gpt2 --config n_layer=8,n_embd=512
    python -m bitpipe.export model.onnx --module gpt.py:gpt --config layers=4

PyTorch's own exporter optimises for inference: it merges equal tensors, folds
weights into transposed copies and so cuts ties. Here every parameter comes out
once, under its own name, and the file lists these names. Needs torch, onnx and
onnxscript, and transformers for --transformers; onnxruntime, where installed,
checks the file.
"""

import argparse
import ast
import contextlib
import importlib.util
import inspect
import io
import json
import logging
import os
import sys
import warnings

PARAMETERS_KEY = "bitpipe.parameters"
SCOPES_KEY = "pkg.torch.onnx.name_scopes"
TOLERANCE = 1e-3


def export(module, example_inputs, path, *, output_names=("logits",), opset=23,
           external_data=False, symbolic_batch=False, verify=True):
    """Writes `module`, called with the tensors of the dict `example_inputs`, to
    `path`. With `external_data` the weights go to a file of their own beside it;
    with `symbolic_batch` the first dimension of every input is named `batch`.
    Returns the greatest difference to onnxruntime's result, or None if that was
    not computed."""
    import onnx_ir
    import onnxscript.optimizer

    module.eval()
    names = {name for name, _ in module.named_parameters(remove_duplicate=False)}
    model = trace(module, example_inputs, list(output_names), opset, symbolic_batch)
    with parameters_as_inputs(model.graph, names) as kept:
        onnxscript.optimizer.optimize(model)
    model.metadata_props[PARAMETERS_KEY] = json.dumps(kept)
    strip(model)
    data = os.path.basename(path) + ".data" if external_data else None
    onnx_ir.save(model, path, external_data=data)
    return compare(module, example_inputs, path) if verify else None


def trace(module, example_inputs, output_names, opset, symbolic_batch):
    """The module as an ONNX graph in which nothing is optimised yet."""
    import torch

    options = {}
    if symbolic_batch:
        batch = torch.export.Dim("batch")
        options["dynamic_shapes"] = {name: {0: batch} for name in example_inputs}
    with quiet():
        program = torch.onnx.export(
            module, (), kwargs=dict(example_inputs), dynamo=True, optimize=False,
            opset_version=opset, input_names=list(example_inputs),
            output_names=output_names, **options)
    return program.model


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
def parameters_as_inputs(graph, names):
    """Hides the values of parameters from an optimiser: for it they are inputs,
    about which nothing is known. Yields the names of those the graph has."""
    values = [v for name, v in graph.initializers.items() if name in names]
    tensors = [value.const_value for value in values]
    for value in values:
        del graph.initializers[value.name]
        value.const_value = None
        graph.inputs.append(value)
    try:
        yield [value.name for value in values]
    finally:
        for value, tensor in zip(values, tensors):
            graph.inputs.remove(value)
            value.const_value = tensor
            graph.initializers[value.name] = value


def strip(model):
    """Leaves of the exporter's notes only the scopes: the others are long, and
    name the files of the machine that exported."""
    model.graph.doc_string = None
    for node in model.graph.all_nodes() if hasattr(model.graph, "all_nodes") else model.graph:
        scopes = node.metadata_props.get(SCOPES_KEY)
        node.metadata_props.clear()
        if scopes:
            node.metadata_props[SCOPES_KEY] = scopes
        node.doc_string = None


def compare(module, example_inputs, path):
    """The greatest difference between onnxruntime and the module, if the former
    is installed; an error if it is more than rounding."""
    try:
        import onnxruntime
    except ImportError:
        return None
    import torch

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    got = session.run(None, {k: v.numpy() for k, v in example_inputs.items()})[0]
    with torch.no_grad():
        want = module(**example_inputs)
    want = first_tensor(want).numpy()
    difference = float(abs(got - want).max())
    if not difference <= TOLERANCE * max(1.0, float(abs(want).max())):
        raise RuntimeError(f"{path}: onnxruntime's result differs by {difference}, "
                           f"expected at most {TOLERANCE}")
    return difference


def first_tensor(output):
    """Modules return a tensor, a tuple, or a mapping as transformers' do."""
    if hasattr(output, "to_tuple"):
        output = output.to_tuple()
    return output[0] if isinstance(output, (tuple, list)) else output


def parse_config(text):
    """'a=1,b=x' as a dict; values are Python literals where they read as such."""
    config = {}
    for item in filter(None, (text or "").split(",")):
        key, equals, value = item.partition("=")
        if not equals:
            raise SystemExit(f"export: --config has '{item}', expected NAME=VALUE")
        try:
            config[key] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            config[key] = value
    return config


def transformers_module(name, task, config, tied, fresh):
    """A model by its type ("gpt2"), with fresh weights, or by its folder, with
    the weights there unless `fresh`."""
    import transformers

    auto = {"causal-lm": transformers.AutoModelForCausalLM,
            "masked-lm": transformers.AutoModelForMaskedLM}[task]
    config = {"use_cache": False, **config}
    if tied is not None:
        config["tie_word_embeddings"] = tied
    if not os.path.isdir(name):
        return auto.from_config(transformers.AutoConfig.for_model(name, **config))
    settings = transformers.AutoConfig.from_pretrained(name, **config)
    if fresh:
        return auto.from_config(settings)
    return auto.from_pretrained(name, config=settings)


def factory_module(spec, config, tied, fresh):
    """What FUNCTION of FILE.py makes from `config`."""
    import torch

    path, _, function = spec.partition(":")
    if not function or not os.path.exists(path):
        raise SystemExit(f"export: --module is '{spec}', expected FILE.py:FUNCTION")
    loaded = importlib.util.spec_from_file_location("exported", path)
    file = importlib.util.module_from_spec(loaded)
    loaded.loader.exec_module(file)
    if tied is not None:
        config = {**config, "tied": tied}
    module = getattr(file, function)(**config)
    if fresh:
        with torch.no_grad():
            for parameter in module.parameters():
                if parameter.dim() > 1:
                    parameter.normal_(std=0.02)
    return module


def example(module, names, batch, sequence, vocabulary):
    """Inputs of the wanted shape. Masks are full and token types zero."""
    import torch

    known = {
        "input_ids": lambda: torch.randint(vocabulary, (batch, sequence)),
        "attention_mask": lambda: torch.ones(batch, sequence, dtype=torch.int64),
        "token_type_ids": lambda: torch.zeros(batch, sequence, dtype=torch.int64),
    }
    accepted = inspect.signature(module.forward).parameters
    for name in names:
        if name not in known or name not in accepted:
            raise SystemExit(f"export: --inputs has '{name}', expected some of "
                             f"{', '.join(n for n in known if n in accepted)}")
    return {name: known[name]() for name in names}


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(prog="python -m bitpipe.export",
                                     description="Exports a PyTorch module to ONNX for training.")
    parser.add_argument("output", help="the file to write")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--transformers", metavar="NAME", help="a model type, or a folder with a model")
    source.add_argument("--module", metavar="FILE.py:FUNCTION", help="a function that returns a torch module")
    parser.add_argument("--config", metavar="K=V,...", help="settings of the model, arguments of the function")
    parser.add_argument("--task", choices=["causal-lm", "masked-lm"], default="causal-lm")
    parser.add_argument("--batch", type=int, default=2, help="samples in a micro-batch (%(default)s)")
    parser.add_argument("--sequence", type=int, default=128, help="tokens in a sample (%(default)s)")
    parser.add_argument("--inputs", metavar="A,B", help="names of the inputs (by the task)")
    parser.add_argument("--opset", type=int, default=23, help="ONNX operator set (%(default)s)")
    parser.add_argument("--external-data", action="store_true", help="weights in a file of their own")
    parser.add_argument("--symbolic-batch", action="store_true", help="leave the batch to --dim=batch=K")
    parser.add_argument("--tied", action=argparse.BooleanOptionalAction, default=None,
                        help="head and embedding are one parameter")
    parser.add_argument("--random-init", action="store_true", help="fresh weights even where there are some")
    parser.add_argument("--seed", type=int, default=0, help="of fresh weights (%(default)s)")
    parser.add_argument("--no-verify", action="store_true", help="do not run onnxruntime")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse_arguments(arguments)
    import torch

    torch.manual_seed(options.seed)
    config = parse_config(options.config)
    if options.transformers:
        module = transformers_module(options.transformers, options.task, config,
                                     options.tied, options.random_init)
        vocabulary = module.config.vocab_size
        default = "input_ids,attention_mask,token_type_ids" if options.task == "masked-lm" else "input_ids"
    else:
        module = factory_module(options.module, config, options.tied, options.random_init)
        vocabulary, default = 2, "input_ids"
    module.eval()
    names = (options.inputs or default).split(",")
    inputs = example(module, names, options.batch, options.sequence, vocabulary)
    difference = export(module, inputs, options.output, opset=options.opset,
                        external_data=options.external_data,
                        symbolic_batch=options.symbolic_batch, verify=not options.no_verify)
    count = sum(p.numel() for p in module.parameters())
    checked = "" if difference is None else f", differs from onnxruntime by {difference:.1e}"
    print(f"{options.output}: {count:,} parameters, inputs {', '.join(names)} "
          f"[{options.batch}, {options.sequence}]{checked}")


if __name__ == "__main__":
    sys.exit(main())
