"""The exporter: every parameter once under its own name, ties kept, no paths."""

import json
import math
import subprocess
import sys
import tempfile

import onnx

sys.dont_write_bytecode = True


def exported(path, *options):
    done = subprocess.run([sys.executable, "-m", "bitpipe.export", path, *options],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return onnx.load(path, load_external_data=False), done.stdout


def imported(path, dims=""):
    done = subprocess.run(["bitpipe-opt", f"--pipe-import-onnx=path={path}{dims}", "--pipe-onnx", "/dev/null"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()


def parameters(model):
    return set(json.loads({p.key: p.value for p in model.metadata_props}["bitpipe.parameters"]))


def check_own(source, folder):
    """The example of the project, with a tied head, twice the same bytes."""
    path, config = f"{folder}/gpt.onnx", "--config=vocabulary=16,layers=2,hidden=8,heads=2,sequence=4"
    options = ["--module", f"{source}/examples/gpt.py:gpt", config, "--sequence=4", "--tied", "--seed=7"]
    model, said = exported(path, *options)
    assert "inputs input_ids [2, 4]" in said and "differs from onnxruntime by" in said, said
    names = parameters(model)
    assert len(names) == 2 + 2 * 12 + 2 and names <= {i.name for i in model.graph.initializer}, names
    assert source.encode() not in model.SerializeToString()
    assert imported(path) == [f"training {len(names)} parameters with {16 * 8 + 4 * 8 + 2 * 872 + 16} elements"]
    again, _ = exported(f"{folder}/again.onnx", *options)
    assert again.SerializeToString() == model.SerializeToString()


def check_external(source, folder):
    """Weights beside the model, its batch open, an older operator set."""
    path, config = f"{folder}/gpt.onnx", "--config=vocabulary=16,layers=1,hidden=8,heads=2,sequence=4"
    model, _ = exported(path, "--module", f"{source}/examples/gpt.py:gpt", config, "--sequence=4", "--opset=18",
                        "--external-data", "--symbolic-batch")
    assert model.opset_import[0].version == 18
    assert all(i.data_location == onnx.TensorProto.EXTERNAL
               for i in model.graph.initializer if i.name in parameters(model) and math.prod(i.dims) > 64)
    assert imported(path, " dims=batch:3")[-1].startswith("training 17 parameters")


def check_transformers(folder):
    """Equal tensors of a fresh model stay apart: that is what training needs."""
    config = "--config=num_hidden_layers=1,hidden_size=8,num_attention_heads=2,intermediate_size=16,vocab_size=32"
    model, said = exported(f"{folder}/bert.onnx", "--transformers=bert", "--task=masked-lm", config, "--sequence=8")
    assert "inputs input_ids, attention_mask, token_type_ids [2, 8]" in said, said
    assert {"bert.encoder.layer.0.attention.output.LayerNorm.weight",
            "bert.encoder.layer.0.output.LayerNorm.weight"} <= parameters(model)
    assert not [line for line in imported(f"{folder}/bert.onnx") if "warning" in line]


def check_mistakes(source, folder):
    for options, message in [(["--module", "gpt.py"], "expected FILE.py:FUNCTION"),
                             (["--module", f"{source}/examples/gpt.py:gpt", "--config", "layers"], "expected NAME=VALUE"),
                             (["--module", f"{source}/examples/gpt.py:gpt", "--inputs", "labels"], "expected some of input_ids")]:
        done = subprocess.run([sys.executable, "-m", "bitpipe.export", f"{folder}/none.onnx", *options],
                              capture_output=True, text=True)
        assert done.returncode == 1 and message in done.stderr, (options, done.stderr)


def main(source):
    for check in (check_own, check_external):
        with tempfile.TemporaryDirectory() as folder:
            check(source, folder)
    with tempfile.TemporaryDirectory() as folder:
        check_transformers(folder)
        check_mistakes(source, folder)


if __name__ == "__main__":
    main(sys.argv[1])
