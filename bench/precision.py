"""What --precision=bf16 costs and saves: figures for docs/Testing.md.

    python bench/precision.py [--models gpt2,bert,llama,t5] [--steps 200]

A line per model of test/models, as a plan of 1F1B on two devices. Gradients: the
error over all parameters and batches of the data, in float64; beside it that of
PyTorch's autocast(bf16), and the largest ratio of the two over parameters. Loss:
how much it differs from that in f32, at most in the first 24 steps and in the mean
of any 48, at most in any step, and as a root of the mean square; and the last one.
Memory: what is sent and what is kept, bf16 over f32. Time: the median step, bf16
over f32, which says nothing of processors that multiply bf16.
"""

import argparse
import json
import math
import pathlib
import statistics
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "test" / "EndToEnd"))

import bf16  # noqa: E402

RENAME = {"gpt2": {"lm_head.weight": "transformer.wte.weight"},
          "bert": {"cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
                   "cls.predictions.decoder.bias": "cls.predictions.bias"},
          "t5": {"lm_head.weight": "shared.weight"}}
PLAN = ["--pipeline=1f1b", "--devices=2"]


def step_time(model, precision):
    plan, _ = model.compile(precision, *PLAN)
    lines, _ = model.train(plan, 20)
    return statistics.median(line["step_seconds"] for line in lines[1:])


def measure(name, steps, scratch):
    model = bf16.Model(str(ROOT / "test" / "models"), name, RENAME.get(name, {}), scratch)
    errors = bf16.compare_gradients(model, *PLAN)
    total = lambda column: math.sqrt(sum(row[column] ** 2 for row in errors))
    worst, single, rms, last = bf16.compare_losses(model, steps, *PLAN)
    sizes = bf16.compare_memory(model, *PLAN)
    return {"model": name, "ours": total(1) / total(3), "autocast": total(2) / total(3),
            "ratio": max(ours / theirs for _, ours, theirs, _ in errors), "loss": worst, "single": single, "rms": rms, "last": last,
            "sent": sizes["bf16"][0] / sizes["f32"][0], "kept": sizes["bf16"][1] / sizes["f32"][1],
            "time": step_time(model, "bf16") / step_time(model, "f32")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="gpt2,bert,llama,t5")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    bf16.torch.set_num_threads(1)
    rows = []
    print(f"         error of gradients   worst    loss, {arguments.steps} steps, differs by        memory     step")
    print("model       ours  autocast   ratio   compared    single     rms   last     sent    kept   time")
    with tempfile.TemporaryDirectory() as scratch:
        for name in arguments.models.split(","):
            row = measure(name, arguments.steps, scratch)
            rows.append(row)
            print(f"{row['model']:7} {row['ours']:8.2e}  {row['autocast']:8.2e} {row['ratio']:7.2f} {row['loss']:10.2%} "
                  f"{row['single']:9.2%} {row['rms']:7.2%} {row['last']:6.3f} {row['sent']:7.2f}x {row['kept']:6.2f}x "
                  f"{row['time']:5.2f}x", flush=True)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
