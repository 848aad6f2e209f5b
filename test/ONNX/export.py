"""The exporter: every parameter once under its own name, ties kept, no paths; what it keeps, says and refuses."""

import contextlib
import io
import json
import math
import os
import subprocess
import sys
import tempfile

import onnx

from bitpipe.export import main as export_main

sys.dont_write_bytecode = True


def called(*options):
    """The exit code or message, standard output, and what was said."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = export_main(list(options))
        except SystemExit as stop:
            code = stop.code
    said = [line for line in err.getvalue().splitlines() if line.startswith("export: ")]
    return code, out.getvalue(), said


def exported(path, *options):
    code, out, said = called(path, *options)
    assert code is None, code
    return onnx.load(path, load_external_data=False), out, said


def imported(path, dims=""):
    done = subprocess.run(["bitpipe-opt", f"--pipe-import-onnx=path={path}{dims}", "--pipe-onnx", "/dev/null"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stderr.splitlines() if ": remark: attention: " not in line]


def listed(model, key="bitpipe.parameters"):
    return json.loads({p.key: p.value for p in model.metadata_props}.get(key, "[]"))


def check_own(source, folder):
    """The example of the project, with a tied head, twice the same bytes."""
    path, config = f"{folder}/gpt.onnx", "--config=vocabulary=16,layers=2,hidden=8,heads=2,sequence=4"
    options = ["--module", f"{source}/examples/gpt.py:gpt", config, "--sequence=4", "--tied", "--seed=7"]
    model, out, said = exported(path, *options)
    assert "inputs input_ids [2, 4]" in out and "differs from onnxruntime by" in out, out
    assert said == ["export: tied: tokens.weight is head.weight"], said
    names = set(listed(model))
    assert listed(model, "bitpipe.aliases") == {"tokens.weight": "head.weight"}
    assert len(names) == 2 + 2 * 12 + 2 and names <= {i.name for i in model.graph.initializer}, names
    assert source.encode() not in model.SerializeToString()
    assert imported(path) == [f"training {len(names)} parameters with {16 * 8 + 4 * 8 + 2 * 872 + 16} elements"]
    again, _, _ = exported(f"{folder}/again.onnx", *options)
    assert again.SerializeToString() == model.SerializeToString()


def check_external(source, folder):
    """Weights beside the model, its batch open, an older operator set."""
    path, config = f"{folder}/gpt.onnx", "--config=vocabulary=16,layers=1,hidden=8,heads=2,sequence=4"
    model, _, _ = exported(path, "--module", f"{source}/examples/gpt.py:gpt", config, "--sequence=4", "--opset=18",
                           "--external-data", "--symbolic-batch")
    assert model.opset_import[0].version == 18
    assert all(i.data_location == onnx.TensorProto.EXTERNAL
               for i in model.graph.initializer if i.name in listed(model) and math.prod(i.dims) > 64)
    assert imported(path, " dims=batch:3")[-1].startswith("training 17 parameters")


def check_replaced(source, folder):
    """An earlier export is replaced; nothing else is without --force, and nothing at all by what fails."""
    path, make = f"{folder}/gpt.onnx", ["--module", f"{source}/examples/gpt.py:gpt", "--sequence=4", "--no-verify"]
    config = "--config=vocabulary=16,layers=1,hidden=8,heads=2,sequence=4"
    os.symlink("real.onnx", path)
    exported(path, *make, config, "--external-data")
    os.chmod(f"{folder}/real.onnx", 0o600)
    exported(path, *make, config, "--external-data")
    assert os.path.islink(path) and os.stat(path).st_mode & 0o777 == 0o600
    assert sorted(os.listdir(folder)) == ["gpt.onnx", "gpt.onnx.data", "real.onnx"], os.listdir(folder)
    for name in ("gpt.onnx", "gpt.onnx.data"):
        os.remove(f"{folder}/real.onnx")
        with open(f"{folder}/{name}", "wb") as file:
            file.write(b"mine")
        code, _, _ = called(path, *make, config, "--external-data")
        assert f"{name}: is there and was not written by bitpipe, expected another name, or --force" in str(code), code
        with open(f"{folder}/{name}", "rb") as file:
            assert file.read() == b"mine"
        exported(path, *make, config, "--external-data", "--force")
    with open(path, "rb") as file:
        before = file.read()
    code, _, _ = called(path, *make, config, "--opset=17")
    assert "--opset is 17" in code, code
    with open(path, "rb") as file:
        assert file.read() == before
    code, _, _ = called("/dev/full", *make, config)
    assert code == "export: /dev/full: is no regular file, expected a name to write to", code


def check_transformers(folder):
    """Equal tensors of a fresh model stay apart: that is what training needs. The task follows from the type."""
    config = "--config=num_hidden_layers=1,hidden_size=8,num_attention_heads=2,intermediate_size=16,vocab_size=32"
    model, out, said = exported(f"{folder}/bert.onnx", "--transformers=bert", config, "--sequence=8")
    assert "inputs input_ids, attention_mask, token_type_ids [2, 8]" in out, out
    assert "export: --task=masked-lm" in said, said
    assert any(line.startswith("export: dropout is left out: p=0.1 in bert.embeddings.dropout, ") and
               line.endswith("; --dropout keeps it") for line in said), said
    assert {"bert.encoder.layer.0.attention.output.LayerNorm.weight",
            "bert.encoder.layer.0.output.LayerNorm.weight"} <= set(listed(model))
    assert not [line for line in imported(f"{folder}/bert.onnx") if "warning" in line]
    experts = ("--config=num_hidden_layers=1,hidden_size=8,num_attention_heads=2,num_key_value_heads=1,intermediate_size=16,"
               "vocab_size=32,num_local_experts=3,num_experts_per_tok=2")
    model, out, _ = exported(f"{folder}/mixtral.onnx", "--transformers=mixtral", experts, "--sequence=8")
    assert "inputs input_ids [2, 8], differs" in out, out
    imported(f"{folder}/mixtral.onnx")


def check_dropout(folder):
    """With --dropout every dropout is there, in training form, that of attention too; and nothing else reads the form,
    as a mask that the exporter makes of a constant."""
    t5 = "d_model=8,d_kv=4,d_ff=16,num_layers=1,num_heads=2,vocab_size=16"
    gpt2 = "n_layer=1,n_embd=8,n_head=2,vocab_size=16,n_positions=4"
    for name, config, inputs, places, options in (("t5", t5, "input_ids, decoder_input_ids", 14, []),
                                                  ("gpt2", gpt2, "input_ids", 4, ["--symbolic-batch"])):
        model, out, said = exported(f"{folder}/{name}.onnx", f"--transformers={name}", f"--config={config}",
                                    "--sequence=4", "--dropout", *options)
        assert f"inputs {inputs} [2, 4], differs" in out, out
        assert f"export: dropout is kept in {places} places" in said, said
        held = {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}
        dropouts = [node for node in model.graph.node if node.op_type == "Dropout"]
        assert len(dropouts) == places and all(len(node.input) == 3 and held[node.input[2]] for node in dropouts)
        mode, = {node.input[2] for node in dropouts}
        assert all(node.op_type == "Dropout" for node in model.graph.node if mode in node.input)


MODULE = '''
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

class Negate(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1.0

    @staticmethod
    def backward(ctx, gradient):
        return -gradient

class Net(nn.Module):
    def __init__(self, what="", **embedding):
        super().__init__()
        self.what = what
        self.e, self.l = nn.Embedding(8, 4, **embedding), nn.Linear(4, 4)
        if what == "hook":
            self.l.weight.register_hook(lambda gradient: gradient * 2)
        if what == "backward-hook":
            self.l.register_full_backward_hook(lambda *_: None)
        if what == "norm":
            self.n = nn.BatchNorm1d(4)
        if what == "spectral":
            nn.utils.parametrizations.spectral_norm(self.l)
        if what == "half":
            self.to(torch.bfloat16)
        if what == "frozen":
            self.e.requires_grad_(False)
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, input_ids):
        x = self.e(input_ids)
        if self.what == "function":
            x = Negate.apply(x)
        if self.what == "in-place":
            x = x * 1
            with torch.no_grad():
                x.mul_(2)
        if self.what == "state":
            self.seen += 1
        if self.what == "data":
            return self.l(x) + self.l(x).data
        if self.what == "nested":
            with torch.no_grad():
                with torch.enable_grad():
                    y = self.l(x)
                return y * 2
        if self.what == "checkpoint":
            return checkpoint(self.l, x, use_reentrant=True)
        if self.what == "alpha":
            x = F.alpha_dropout(x, 0.5, self.training)
        if self.what == "norm":
            x = self.n(x)
        return self.l(x)

class Floats(nn.Module):
    def __init__(self):
        super().__init__()
        self.l = nn.Linear(3, 2)

    def forward(self, x, mask=None):
        return self.l(x) * 1.000001 + 1e-8

def fails():
    raise RuntimeError("first\\nsecond")

def number():
    return 3
'''
SAID = [  # what a module is made from, what is said
    ("what=frozen", "frozen: 1 of 3 parameters (e.weight)"),
    ("what=checkpoint", "torch.utils.checkpoint is left out"),
    ("what=norm", "in training the module changes n.running_mean, n.running_var, n.num_batches_tracked: they stay"),
    ("what=spectral", "in training the module changes l.parametrizations.weight.0._u, "),
    ("what=half", "not checked: onnxruntime does not compute in bfloat16"),
    ("sparse=True", "sparse gradients of e become dense ones"),
]
REFUSED = [  # what a module is made from and exported with, the message
    (["--config=what=function"], "the traced graph has other gradients than the module for e.weight"),
    (["--config=what=in-place"], "the traced graph has other gradients than the module for e.weight"),
    (["--config=what=hook"], "parameter 'l.weight' has a gradient hook"),
    (["--config=what=backward-hook"], "module 'l' has a backward hook"),
    (["--config=what=state"], "the module changes seen while it computes"),
    (["--config=what=data"], "the module reads x.data or x.numpy() of a value that it computes, expected x.detach()"),
    (["--config=max_norm=1.0"], "'e' has max_norm=1.0"),
    (["--config=scale_grad_by_freq=True"], "'e' has scale_grad_by_freq=True"),
    (["--config=what=alpha", "--dropout"], "'Net' calls alpha_dropout, expected dropout of single elements"),
    (["--inputs=input_ids:int64[2,3],labels"], "--inputs has 'labels', expected some of input_ids, what forward takes"),
    (["--inputs=input_ids:int65"], "--inputs has 'input_ids:int65', expected NAME or NAME:TYPE[SIZES]"),
    (["--opset=99"], "--opset is 99, expected 18 to 23"),
    (["--config=layers"], "--config has 'layers', expected NAME=VALUE"),
    (["--config=what={1"], "--config has what={1, expected a Python or JSON value"),
]
TRANSFORMERS = [
    (["--transformers=gptt2"], ["model types of transformers, near it: gpt2, "]),
    (["--transformers=gpt2", "--config=n_layers=1"], ["--config sets 'n_layers', which gpt2 has not, near it: n_layer"]),
    (["--transformers=t5", "--task=causal-lm"], ["--task is causal-lm, but 't5' is a t5, expected seq2seq"]),
    (["--transformers=gpt2", "--config=n_layer=1,n_embd=8,n_head=2,vocab_size=16,n_positions=4", "--sequence=8"],
     ["the module fails on input_ids [2, 8]: IndexError: index out of range"]),
    (["--transformers=llama", "--config=rope_scaling={\"a\": 1},hidden_size=7,num_attention_heads=2"],
     ["--transformers: llama cannot be made", "--config"]),
]


def check_modules(folder):
    file = f"{folder}/net.py"
    with open(file, "w") as out:
        out.write(MODULE)
    path, make = f"{folder}/net.onnx", f"--module={file}:Net"
    for config, line in SAID:
        _, _, said = exported(path, make, f"--config={config}", "--sequence=4")
        assert any(one.startswith(f"export: {line}") for one in said), (config, said)
    os.remove(path)
    for options, message in REFUSED:
        check_refused(path, [make, "--sequence=4", *options], [message])
    for options, messages in TRANSFORMERS:
        check_refused(path, options, messages)
    check_refused(path, ["--module=gpt.py"], ["expected FILE.py:FUNCTION"])
    check_refused(path, [f"--module={file}:fails"], [f"RuntimeError: first (at {file}:"])
    check_refused(path, [f"--module={file}:number"], ["returns a int, expected a torch.nn.Module"])
    check_refused(path, [f"--module={file}:Flots"], [f"has no function 'Flots', near it: Floats"])
    check_refused(path, [f"--module={file}:Floats"], ["forward takes x, too: expected --inputs x:float32[2,3]"])
    model, out, _ = exported(path, f"--module={file}:Floats", "--inputs=x:float32[5,3],mask:bool[5]")
    assert "inputs x float32 [5, 3], mask bool [5]" in out, out
    kinds = [node.op_type for node in model.graph.node]
    assert "Mul" in kinds and "Add" in kinds, f"near one and near zero is taken for it: {kinds}"
    with open(file, "a") as more:
        more.write("def example_inputs():\n    return {'x': torch.ones(4, 3)}\n")
    assert "inputs x float32 [4, 3]" in exported(path, f"--module={file}:Floats")[1]


def check_refused(path, options, messages):
    """One line that holds one of the messages, and no file."""
    code, _, _ = called(path, *options)
    assert isinstance(code, str) and code.startswith("export: ") and "\n" not in code, (options, code)
    assert any(message in code for message in messages), (options, code)
    assert not os.path.exists(path), options


def main(source):
    for check in (lambda folder: check_own(source, folder), lambda folder: check_external(source, folder),
                  lambda folder: check_replaced(source, folder),
                  check_transformers, check_dropout, check_modules):
        with tempfile.TemporaryDirectory() as folder:
            check(folder)


if __name__ == "__main__":
    main(sys.argv[1])
