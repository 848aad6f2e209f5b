"""What only the exporter sees: gradients of exported modules against the module's own in PyTorch.

Each module returns its loss. One step of SGD with rate 1 gives the gradient of every parameter; on two devices the
values without gradient pass from stage to stage.
"""

import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from torch import nn
from torch.nn import functional as F

from bitpipe.export import export

VOCABULARY, HIDDEN = 11, 8


class Lora(nn.Module):
    """A frozen weight and a trained correction of low rank."""

    def __init__(self, size):
        super().__init__()
        self.base = nn.Linear(size, size)
        self.base.requires_grad_(False)
        self.down, self.up = nn.Linear(size, 2, bias=False), nn.Linear(2, size, bias=False)

    def forward(self, x):
        return self.base(x) + self.up(self.down(x))


class Model(nn.Module):
    """Tokens to a loss; the middle differs."""

    def __init__(self, **embedding):
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, HIDDEN, **embedding)
        self.first, self.second = nn.Linear(HIDDEN, HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.head = nn.Linear(HIDDEN, VOCABULARY)

    def middle(self, x):
        return self.second(torch.tanh(self.first(x)))

    def forward(self, input_ids):
        x = self.tokens(input_ids)
        return (self.head(self.middle(x) + x).log_softmax(-1)[..., 3] * -1.0).mean()


class WithLora(Model):
    def __init__(self):
        super().__init__()
        self.requires_grad_(False)
        self.first, self.second = Lora(HIDDEN), Lora(HIDDEN)


class Detached(Model):
    def middle(self, x):
        return self.second(torch.tanh(self.first(x).detach() * x)) + self.first(x) * self.second.weight.detach().sum()


class NoGrad(Model):
    def middle(self, x):
        with torch.no_grad():
            gate = torch.sigmoid(self.first(x))
            shift = self.second(gate)
        return self.second(x * gate) + shift


class Quantised(Model):
    """A straight-through estimator: the gradient of what is rounded."""

    def middle(self, x):
        y = self.first(x)
        return self.second(y + (torch.floor(y * 4 + 0.5) / 4 - y).detach())


class Tied(Model):
    def __init__(self):
        super().__init__()
        self.head.weight = self.tokens.weight

    def middle(self, x):
        return F.gelu(super().middle(x))


CASES = {"lora": WithLora, "padding": lambda: Model(padding_idx=0), "padding-negative": lambda: Model(padding_idx=-1),
         "detach": Detached, "no-grad": NoGrad, "straight-through": Quantised, "tied": Tied}


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\nexit {done.returncode}\n{done.stderr}"


def gradients(module, ids):
    module.zero_grad()
    module(ids).backward()
    return {name: np.zeros(p.shape) if p.grad is None else p.grad.numpy() for name, p in module.named_parameters()}


def check(name, make, folder):
    torch.manual_seed(1)
    module = make()
    ids = torch.randint(VOCABULARY, (4, 6))
    ids[0, :3], ids[1, :2] = 0, VOCABULARY - 1
    at = lambda file: os.path.join(folder, file)
    export(module, {"input_ids": ids}, at("model.onnx"), output_names=("loss",))
    save_file({"input_ids": ids.numpy()}, at("data.safetensors"))
    before = {key: p.detach().numpy().copy() for key, p in module.named_parameters()}
    want = gradients(module, ids)
    for devices in (1, 2):
        run("bitpipe-opt", at("model.onnx"), "--pipeline=gpipe", f"--devices={devices}", "--microbatches=1", "--loss=loss",
            "--optimizer=sgd", "-o", at(f"plan{devices}.mlir"))
        run("bitpipe-run", at(f"plan{devices}.mlir"), f"--data={at('data.safetensors')}", "--steps=1", "--lr=1",
            "--weight-decay=0", f"--save={at(f'saved{devices}.safetensors')}")
        saved = load_file(at(f"saved{devices}.safetensors"))
        scale = max(np.abs(g).max() for g in want.values())
        for key, gradient in want.items():
            if key not in saved:
                assert not gradient.any(), f"{name}: {key} is not saved"
                continue
            error = np.abs(before[key] - saved[key] - gradient).max()
            assert error <= 2e-6 + 1e-5 * scale, f"{name} on {devices}: gradient of {key} is off by {error} of {scale}"


for name in sys.argv[1:] or CASES:
    with tempfile.TemporaryDirectory() as folder:
        check(name, CASES[name], folder)
