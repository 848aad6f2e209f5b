"""Modules that read functions of their parameters, exported by PyTorch's exporters with their defaults, which compute these ahead:
what bitpipe-opt takes trains like the module in float64, or it is refused, or, where the file does not tell, a line says what is
assumed.

    folded.py FOLDER [--only=NAME]
"""
import argparse
import contextlib
import copy
import io
import json
import pathlib
import subprocess

import torch
from safetensors.torch import save_file

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--only", default="")
options = parser.parse_args()
options.folder.mkdir(parents=True, exist_ok=True)
model, plan, data, metrics = (options.folder / name for name in ("m.onnx", "p.mlir", "d.safetensors", "m.jsonl"))
VOCABULARY, HIDDEN, BATCH, SEQUENCE, STEPS = 11, 8, 2, 6, 3


class Module(torch.nn.Module):
    def __init__(self, middle):
        super().__init__()
        self.table = torch.nn.Embedding(VOCABULARY, HIDDEN)
        self.linear = torch.nn.Linear(HIDDEN, HIDDEN)
        self.head = torch.nn.Linear(HIDDEN, VOCABULARY)
        self.p = torch.nn.Parameter(torch.rand(HIDDEN) + 0.2)
        self.q = torch.nn.Parameter(torch.rand(HIDDEN, HIDDEN) - 0.5)
        self.register_buffer("mask", torch.tril(torch.ones(HIDDEN, HIDDEN)))
        self.register_buffer("rows", torch.tensor([5, 3, 0, 1, 4, 2]))
        self.middle = middle

    def forward(self, ids):
        return self.head(torch.tanh(self.linear(self.middle(self, self.table(ids)))))


def weight_norm():
    module = Module(lambda m, x: x)
    module.linear = torch.nn.utils.parametrizations.weight_norm(module.linear)
    return module


CASES = {
    "exp": lambda m, x: x * torch.exp(m.p),
    "minus exp": lambda m, x: x * -torch.exp(m.p),
    "softplus": lambda m, x: x * torch.nn.functional.softplus(m.p),
    "sigmoid": lambda m, x: x * torch.sigmoid(m.p),
    "doubled": lambda m, x: x * (2 * m.p),
    "squared": lambda m, x: x * (m.p * m.p),
    "one and": lambda m, x: x * (1 + m.p),
    "normalised": lambda m, x: x @ torch.nn.functional.normalize(m.q, dim=0),
    "scaled": lambda m, x: x @ (m.q * 0.3535),
    "symmetric": lambda m, x: x @ (m.q + m.q.T),
    "triangle": lambda m, x: x @ torch.tril(m.q),
    "softmax": lambda m, x: x @ torch.softmax(m.q, -1),
    "square": lambda m, x: x @ (m.q @ m.q.T),
    "two parameters": lambda m, x: x @ (m.q * m.p),
    "expanded": lambda m, x: x + m.p.expand(x.shape[0], SEQUENCE, HIDDEN),
    "repeated": lambda m, x: x + m.p.repeat(SEQUENCE, 1),
    "class token": lambda m, x: torch.cat([m.p.expand(x.shape[0], 1, HIDDEN), x[:, 1:]], 1),
    "rows again": lambda m, x: x + m.q[torch.tensor([0, 1, 0, 1, 2, 2])],
    "mean": lambda m, x: x + m.q.mean(0),
    "sum": lambda m, x: x * m.q.sum(),
    "part and its transpose": lambda m, x: x @ m.q[:, :4] @ m.q[:, :4].T,
    "rows": lambda m, x: x + m.q[:SEQUENCE],
    "rows by index": lambda m, x: x + m.q[torch.tensor([5, 3, 0, 1, 4, 2])],
    "flipped": lambda m, x: x + m.q[:SEQUENCE].flip(0),
    "transposed": lambda m, x: x @ m.q.T,
    "both": lambda m, x: (x + m.p) * m.p,
    "halves": lambda m, x: torch.cat([x @ m.q[:, :4], torch.tanh(x @ m.q[:, 4:])], -1),
    "overlapping parts": lambda m, x: torch.cat([x @ m.q[:, :5], torch.tanh(x @ m.q[:, 4:7])], -1),
    "linear exp": lambda m, x: torch.nn.functional.linear(x, torch.exp(m.q)),
    "linear masked": lambda m, x: torch.nn.functional.linear(x, m.q * m.mask),
    "exp transposed": lambda m, x: x @ torch.exp(m.q).T,
    "exp viewed": lambda m, x: x * torch.exp(m.p).view(1, HIDDEN),
    "doubled and flipped": lambda m, x: x @ (2 * m.q).flip(0),
    "normalised and transposed": lambda m, x: x @ torch.nn.functional.normalize(m.q, dim=1).t(),
    "rows by arithmetic": lambda m, x: x + m.q[torch.arange(SEQUENCE) + 1],
    "doubled rows": lambda m, x: x + (2 * m.q)[m.rows],
    "rows by a buffer": lambda m, x: x + m.q[m.rows],
    "detached": lambda m, x: x @ m.q.detach() + m.p,
    "weight norm": None,
}


def reference(module, ids, labels):
    module = copy.deepcopy(module).double()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    for _ in range(STEPS):
        loss = torch.nn.functional.cross_entropy(module(ids).reshape(-1, VOCABULARY), labels.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        yield loss.item(), sum(p.grad.pow(2).sum() for p in module.parameters() if p.grad is not None).sqrt().item()
        optimizer.step()


def export(module, ids, dynamo):
    how = {"dynamo": True, "external_data": False} if dynamo else {"dynamo": False, "opset_version": 17}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        torch.onnx.export(module, (ids[:BATCH],), model, input_names=["ids"], output_names=["logits"], verbose=False, **how)


def trained():
    """Losses and norms, or None where it is refused, and what the compiler says."""
    done = subprocess.run(["bitpipe-opt", model, "--pipeline=1f1b", "--devices=2", "--microbatches=2", "--optimizer=sgd", "-o", plan,
                           "--force"], capture_output=True, text=True)
    if done.returncode:
        return None, done.stderr
    subprocess.run(["bitpipe-run", plan, f"--data={data}", f"--steps={STEPS}", "--lr=0.5", "--weight-decay=0", f"--metrics={metrics}",
                    "--threads=1", "--force"], check=True, capture_output=True)
    rows = map(json.loads, metrics.read_text().splitlines())
    return [(row["loss"], row["grad_norm"]) for row in rows], done.stderr


def outcome(name, module, ids, expected, dynamo):
    export(module, ids, dynamo)
    got, said = trained()
    if got is None:
        assert "ahead of training" in said, (name, said)
        return "refused"
    right = all(abs(g - e) <= 1e-3 * abs(e) for pair in zip(got, expected, strict=True) for g, e in zip(*pair))
    assert right or "assumed: " in said, (name, dynamo, got, expected, said)
    return "right" if right else "assumed"


counts = {}
for name, middle in CASES.items():
    if options.only not in name:
        continue
    torch.manual_seed(1)
    module = (Module(middle) if middle else weight_norm()).eval()
    ids, labels = (torch.randint(0, VOCABULARY, (2 * BATCH, SEQUENCE)) for _ in range(2))
    save_file({"ids": ids, "labels": labels}, data)
    expected = list(reference(module, ids, labels))
    outcomes = [outcome(name, module, ids, expected, dynamo) for dynamo in (True, False)]
    print(f"{name}: {', '.join(outcomes)}", flush=True)
    counts[outcomes[0]] = counts.get(outcomes[0], 0) + 1
print(f"{len(counts) and sum(counts.values())} modules: {counts.get('right', 0)} right, {counts.get('refused', 0)} refused")
