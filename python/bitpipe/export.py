"""Exports a PyTorch module to ONNX for training.

    python -m bitpipe.export model.onnx --transformers gpt2 --config n_layer=8,n_embd=512
    python -m bitpipe.export model.onnx --module gpt.py:gpt --config layers=4

PyTorch's own exporter optimises for inference: it merges equal tensors, folds
weights into transposed copies, cuts ties, and forgets what is frozen or
detached. Here every parameter comes out once, under its own name, the file
lists which are trained, and where the module lets no gradient through is
marked. What a file cannot say is an error or said. Needs torch, onnx and
onnxscript, and transformers for --transformers; onnxruntime, where installed,
checks the file.
"""

import argparse
import os
import sys

from bitpipe.exporter.errors import ExportError, in_one_line, package, say, some

OPSETS = 18, 23  # PyTorch's oldest, bitpipe-opt's newest
MOST = 2**31 - 1


def export(module, example_inputs, path, *, output_names=("logits",), opset=23,
           external_data=False, symbolic_batch=False, dropout=False, verify=True, force=False):
    """Writes `module`, called with the tensors of the dict `example_inputs`, to
    `path`. With `external_data` the weights go to a file of their own beside it;
    with `symbolic_batch` the first dimension of every input is named `batch`;
    with `dropout` the file has the module's dropout, which otherwise is left
    out. Replaces an earlier export, and any other file only with `force`. Says on
    standard error what is frozen, tied, left out or assumed; raises
    ExportError for what cannot be exported. Returns the greatest difference to
    onnxruntime's result, or None if that was not computed."""
    for needed in ("torch", "onnx", "onnxscript"):
        package(needed)
    from bitpipe.exporter import graph, output, training

    if not force:
        output.refuse_to_replace(path, external_data)
    seen = training.watch(module, example_inputs)
    names = {name for name, _ in module.named_parameters(remove_duplicate=False)}
    modes = [(part, part.training) for part in module.modules()]
    try:
        module.eval()
        if dropout:
            training.keep_dropout(seen)
        program = graph.trace(module, example_inputs, symbolic_batch, verify)
        model = graph.to_onnx(program, example_inputs, list(output_names), opset, names, symbolic_batch)
    finally:
        for part, mode in modes:
            part.training = mode
    say_parameters(*graph.name_parameters(model, module))
    if not dropout:
        training.say_dropped(seen)
    graph.mark_detached(model)
    graph.strip(model)
    return write(model, module, example_inputs, path, external_data, verify, dropout, seen)


def write(model, module, inputs, path, external_data, verify, dropout, seen):
    """Saves the model and checks it, without dropout, which draws at random."""
    import onnx_ir
    from bitpipe.exporter import compare, graph, output

    data = output.data_file(os.path.basename(path)) if external_data else None
    mode = model.graph.initializers.get(graph.TRAINING)
    if dropout and seen.dropouts and mode is None:
        raise ExportError("the graph has lost the module's dropout")
    difference = None
    with in_one_line(path), output.replacing(path) as file:
        if verify and mode is not None:
            graph.set_mode(mode, False)
        onnx_ir.save(model, file, external_data=data)
        if verify:
            difference = compare.compare(module, inputs, file, path)
        if verify and mode is not None:
            graph.set_mode(mode, True)
            onnx_ir.save(model, file, external_data=data)
    if mode is not None:
        count = sum(node.op_type == "Dropout" for node in model.graph)
        say(f"dropout is kept in {count} places")
    if isinstance(difference, str):
        say(f"not checked: {difference}")
        return None
    return difference


def say_parameters(trained, frozen, aliases):
    if not trained:
        say("no parameter is trained: requires_grad is False for all")
    if frozen:
        say(f"frozen: {len(frozen)} of {len(trained) + len(frozen)} parameters ({some(frozen)})")
    if aliases:
        say(f"tied: {some([f'{alias} is {name}' for alias, name in aliases.items()])}")


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(prog="python -m bitpipe.export",
                                     description="Exports a PyTorch module to ONNX for training.")
    parser.add_argument("output", help="the file to write")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--transformers", metavar="NAME", help="a model type, or a folder with a model")
    source.add_argument("--module", metavar="FILE.py:FUNCTION", help="a function that returns a torch module")
    parser.add_argument("--config", metavar="K=V,...", help="settings of the model, arguments of the function; "
                        "values are Python or JSON")
    parser.add_argument("--task", choices=["causal-lm", "masked-lm", "seq2seq"],
                        help="what a model of transformers is trained for (by its type)")
    parser.add_argument("--batch", type=int, default=2, help="samples in a micro-batch (%(default)s)")
    parser.add_argument("--sequence", type=int, default=128, help="tokens in a sample (%(default)s)")
    parser.add_argument("--inputs", metavar="A,B:TYPE[SIZES]", help="the inputs, as input_ids,x:float32[2,3] "
                        "(by the task, or what example_inputs() of the file returns)")
    parser.add_argument("--dropout", action="store_true", help="keep the module's dropout")
    parser.add_argument("--opset", type=int, default=23, help="ONNX operator set (%(default)s)")
    parser.add_argument("--external-data", action="store_true", help="weights in a file of their own")
    parser.add_argument("--symbolic-batch", action="store_true", help="leave the batch to --dim=batch=K")
    parser.add_argument("--tied", action=argparse.BooleanOptionalAction, default=None,
                        help="head and embedding are one parameter")
    parser.add_argument("--random-init", action="store_true", help="fresh weights even where there are some")
    parser.add_argument("--seed", type=int, default=0, help="of fresh weights (%(default)s)")
    parser.add_argument("--no-verify", action="store_true", help="compare neither results nor gradients with the module's")
    parser.add_argument("--force", action="store_true", help="replace a file that bitpipe did not write")
    return parser.parse_args(arguments)


def load(options):
    """The module and its inputs."""
    from bitpipe.exporter import inputs, sources

    config = sources.parse_config(options.config)
    if options.transformers:
        module, task = sources.transformers_module(options.transformers, options.task, config,
                                                   options.tied, options.random_init)
        if options.task is None and task != "causal-lm":
            say(f"--task={task}")
        vocabulary, default = module.config.get_text_config().vocab_size, inputs.of_task(module, task)
        own = None
    else:
        if options.task:
            raise ExportError("--task is for --transformers, expected none with --module")
        module, file = sources.factory_module(options.module, config, options.tied, options.random_init)
        names = inputs.accepted(module)
        vocabulary, default = 2, "input_ids" if names is None or "input_ids" in names else ""
        own = None if options.inputs else inputs.of_file(file, module)
    return module, own or inputs.example(module, options.inputs or default, options.batch, options.sequence, vocabulary)


def run(options):
    for needed in ("torch", "onnx", "onnxscript"):
        package(needed)
    import torch
    from bitpipe.exporter import inputs as of_module

    for name, low, high in (("batch", 1, MOST), ("sequence", 1, MOST), ("opset", *OPSETS)):
        if not low <= getattr(options, name) <= high:
            raise ExportError(f"--{name} is {getattr(options, name)}, expected {low} to {high}")
    torch.manual_seed(options.seed)
    module, inputs = load(options)
    difference = export(module, inputs, options.output, opset=options.opset,
                        external_data=options.external_data, symbolic_batch=options.symbolic_batch,
                        dropout=options.dropout, verify=not options.no_verify, force=options.force)
    count = sum(p.numel() for p in module.parameters())
    checked = "" if difference is None else f", differs from onnxruntime by {difference:.1e}"
    print(f"{options.output}: {count:,} parameters, inputs {of_module.describe(inputs)}{checked}")


def main(arguments=None):
    options = parse_arguments(arguments)
    try:
        run(options)
    except ExportError as error:
        raise SystemExit(f"export: {error}") from None


if __name__ == "__main__":
    sys.exit(main())
