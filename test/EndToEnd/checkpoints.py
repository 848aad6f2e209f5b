"""--save and --load with --train and --freeze, and checkpoints as transformers writes them.

    python checkpoints.py MODEL_FOLDER      MODEL_FOLDER holds GPT-2, tied, and its data
"""

import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from safetensors.numpy import load_file, save_file

TIED, ALIAS = "lm_head.weight", "transformer.wte.weight"
LONG = "x" * 300


class Plans:
    def __init__(self, model, folder):
        self.model, self.folder = model, folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def compile(self, name, *options):
        run("bitpipe-opt", f"{self.model}/model.onnx", "--pipeline=1f1b", "--devices=2", "--microbatches=2", *options,
            "-o", self.path(f"{name}.mlir"))

    def train(self, name, *options, lr=0.0, code=0):
        """Returns what was said and what was saved; with a rate of 0 nothing changes."""
        out = self.path("out.safetensors")
        said = run("bitpipe-run", self.path(f"{name}.mlir"), f"--data={self.model}/data.safetensors", "--steps=1",
                   f"--lr={lr}", f"--save={out}", *options, code=code)
        return said, load_file(out) if code == 0 else None


def run(*command, code=0):
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == code, (command, done.returncode, done.stdout, done.stderr)
    return done.stderr


def same(got, want):
    assert got.keys() == want.keys(), sorted(got.keys() ^ want.keys())
    for name in got:
        assert np.array_equal(got[name], want[name]), name


def write_bits(path, tensors, kind):
    """A safetensors file of bfloat16 or another type that NumPy lacks, from 16-bit words."""
    header, data = {}, b""
    for name, words in tensors.items():
        header[name] = {"dtype": kind, "shape": list(words.shape), "data_offsets": [len(data), len(data) + words.nbytes]}
        data += words.tobytes()
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + data)


def check_combinations(plans):
    """A trained checkpoint goes into every plan, whatever that one trains."""
    for name, options in {"all": [], "heads": ["--freeze=wte"], "norms": ["--freeze=ln_|bias"],
                          "both": ["--train=ln_1", "--freeze=mlp"]}.items():
        plans.compile(name, *options)
    plans.train("all", lr=0.1)
    os.rename(plans.path("out.safetensors"), plans.path("trained.safetensors"))
    trained = load_file(plans.path("trained.safetensors"))
    assert np.array_equal(trained[TIED], trained[ALIAS])
    fresh = plans.train("all")[1]
    assert all(np.any(trained[name] != fresh[name]) for name in trained)
    for name in ("all", "heads", "norms", "both"):
        said, got = plans.train(name, f"--load={plans.path('trained.safetensors')}")
        same(got, trained)
        assert "ignored" not in said and "prefix" not in said, said
    moved = plans.train("norms", lr=0.1)[1]
    frozen = {name for name in fresh if "ln_" in name or "bias" in name}
    assert {name for name in fresh if np.array_equal(fresh[name], moved[name])} == frozen
    return trained


def check_others(plans, trained):
    """What transformers writes: one name of two, a prefix more or less, other types, several files."""
    base = {name: value for name, value in trained.items() if name != TIED}
    at = plans.path("other.safetensors")
    load = f"--load={at}"
    save_file({**base, LONG: np.zeros(3, np.uint8)}, at)
    said, got = plans.train("all", load)
    same(got, trained)
    assert f"ignored 1 tensors that are no parameters of the model: {LONG}" in said, said

    save_file({name.removeprefix("transformer."): value for name, value in base.items()}, at)
    said, got = plans.train("all", load)
    same(got, trained)
    assert "names are read without the prefix 'transformer.'" in said, said

    save_file({f"module.{name}": value for name, value in trained.items()}, at)
    said, got = plans.train("all", load)
    same(got, trained)
    assert "names are read under the prefix 'module.'" in said, said

    half = {name: value.astype(np.float16) for name, value in base.items()}
    save_file(half, at)
    got = plans.train("all", load)[1]
    assert all(np.array_equal(got[name], half[name].astype(np.float32)) for name in half)
    words = {name: (value.view(np.uint32) >> 16).astype(np.uint16) for name, value in base.items()}
    write_bits(at, words, "BF16")
    got = plans.train("all", load)[1]
    assert all(np.array_equal(got[name].view(np.uint32) >> 16, words[name]) for name in words)
    save_file({name: value.astype(np.float64) for name, value in base.items()}, at)
    same(plans.train("all", load)[1], trained)

    shards = {name: f"model-0000{i % 2 + 1}-of-00002.safetensors" for i, name in enumerate(base)}
    os.mkdir(plans.path("sharded"))
    for shard in set(shards.values()):
        save_file({name: base[name] for name in base if shards[name] == shard}, plans.path(f"sharded/{shard}"))
    with open(plans.path("sharded/model.safetensors.index.json"), "w") as file:
        json.dump({"metadata": {}, "weight_map": shards}, file)
    for given in ("sharded", "sharded/model.safetensors.index.json"):
        same(plans.train("all", f"--load={plans.path(given)}")[1], trained)


def check_refused(plans, trained):
    at = plans.path("wrong.safetensors")
    first = "transformer.h.0.ln_1.weight"

    def refused(tensors, words):
        save_file(tensors, at)
        said = plans.train("all", f"--load={at}", code=1)[0]
        assert words in said and len(said.splitlines()) == 1, said

    refused({name: value for name, value in trained.items() if name != first},
            f"lacks 1 of {len(trained) - 1} parameters, also under any common prefix: '{first}'")
    refused({f"{prefix}.{name}": value for name, value in trained.items() for prefix in "ab"}, "expected one way to read the names")
    refused({**trained, first: trained[first][:-1]}, f"parameter '{first}' has shape")
    refused({**trained, first: np.zeros(trained[first].shape, np.int32)}, f"parameter '{first}' is I32")
    refused({**trained, ALIAS: trained[ALIAS] + 1}, "differ, which are one parameter in the model")
    os.remove(plans.path("sharded/model-00001-of-00002.safetensors"))
    plans.train("all", f"--load={plans.path('sharded')}", code=1)
    os.mkdir(plans.path("empty"))
    assert "holds neither model.safetensors nor" in plans.train("all", f"--load={plans.path('empty')}", code=1)[0]


def main():
    with tempfile.TemporaryDirectory() as folder:
        plans = Plans(sys.argv[1], folder)
        trained = check_combinations(plans)
        check_others(plans, trained)
        check_refused(plans, trained)


if __name__ == "__main__":
    sys.exit(main())
