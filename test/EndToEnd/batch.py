"""A model with a symbolic batch trains to the same losses whatever size of micro-batches --pipeline=auto takes for a step.

    python batch.py FOLDER
"""
import json
import pathlib
import re
import subprocess
import sys

import torch
from safetensors.torch import save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples"))
import gpt  # noqa: E402

STEPS, BATCH = 3, 8
folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)


def export():
    torch.manual_seed(0)
    model = gpt.gpt(vocabulary=64, layers=2, hidden=32, heads=2, sequence=16, tied=False).eval()
    ids = torch.randint(0, 64, (STEPS * BATCH, 17))
    torch.onnx.export(model, (ids[:2, :-1],), folder / "model.onnx", dynamo=True, input_names=["input_ids"], output_names=["logits"],
                      dynamic_shapes=({0: torch.export.Dim("batch")},), verbose=False)
    save_file({"input_ids": ids[:, :-1].contiguous(), "labels": ids[:, 1:].contiguous()}, folder / "data.safetensors")


def trained(*options):
    """What the compiler said, the size and number of micro-batches of the plan, and the losses."""
    plan, metrics = folder / "plan.mlir", folder / "metrics.jsonl"
    said = subprocess.run(["bitpipe-opt", folder / "model.onnx", *options, "-o", plan, "--force"], check=True, capture_output=True,
                          text=True).stderr
    subprocess.run(["bitpipe-run", plan, f"--data={folder / 'data.safetensors'}", f"--steps={STEPS}", f"--metrics={metrics}", "--force"],
                   check=True, capture_output=True)
    text = plan.read_text()
    size, count = re.search(r"tensor<(\d+)x16xi64>", text)[1], re.search(r"microbatches = (\d+)", text)[1]
    return said, int(size), int(count), [json.loads(line)["loss"] for line in metrics.read_text().splitlines()]


export()
_, size, _, expected = trained("--pipeline=1f1b", "--devices=1", f"--dim=batch={BATCH}", "--microbatches=1")
assert size == BATCH and len(expected) == STEPS, (size, expected)
for taken, option in (1, f"--batch={BATCH}"), (4, f"--efficiency={BATCH}:1=0.2,2=0.3,4=0.5,8=0.52"):
    said, size, count, losses = trained("--pipeline=auto", "--devices=2", "--data-parallel=1", option)
    assert f"--microbatches={BATCH // taken} --dim=batch={taken}" in said, said
    assert (size, count) == (taken, BATCH // taken), (option, size, count)
    assert all(abs(got / want - 1) < 1e-6 for got, want in zip(losses, expected, strict=True)), (losses, expected)
    print(f"{option}: {count} micro-batches of {size}, the same losses")
