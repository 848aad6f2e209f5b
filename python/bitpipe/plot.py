"""Draws loss curves: python -m bitpipe.plot metrics.jsonl [more.jsonl] -o loss.png

With --text, a line marks the entropy of the text's bytes: the loss of a model
that knows how frequent each byte is and nothing else."""

import argparse
import collections
import math
import pathlib
import sys

from bitpipe import metrics


def unigram_entropy(data):
    """The entropy in nats of the distribution of `data`'s bytes."""
    counts = collections.Counter(data).values()
    return sum(n * math.log(len(data) / n) for n in counts) / len(data)


def label_of(path):
    """metrics.jsonl says nothing; its folder does."""
    path = pathlib.Path(path)
    return path.parent.name if path.stem == "metrics" else path.stem


def losses(steps):
    """Not a number where a step was skipped."""
    return [math.nan if step["loss"] is None else step["loss"] for step in steps]


def evaluations(steps):
    """Step and loss of each, not a number where that was not finite."""
    found = [step for step in steps if "eval_loss" in step]
    return [step["step"] for step in found], [math.nan if step["eval_loss"] is None else step["eval_loss"] for step in found]


MARK = b"Software\0bitpipe"  # in the first bytes of a PNG


def refuse_to_replace(path):
    """As the two tools: no file is replaced that bitpipe did not write."""
    path = pathlib.Path(path)
    if path.is_file() and path.stat().st_size and MARK not in path.read_bytes()[:4096]:
        raise ValueError(f"{path}: is there and was not written by bitpipe, "
                         "expected another name, or --force to replace it")


def draw(runs, entropy, output):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    for label, steps in runs:
        line, = axes.plot([s["step"] for s in steps], losses(steps),
                          label=label, linewidth=1.2)
        at, values = evaluations(steps)
        if at:
            axes.plot(at, values, label=f"{label}, evaluation", color=line.get_color(),
                      linestyle="--", linewidth=1, marker="o", markersize=4)
    if entropy is not None:
        axes.axhline(entropy, color="gray", linestyle="--",
                     label=f"unigram entropy of the text ({entropy:.3f})")
    axes.set(xlabel="step", ylabel="loss (nats per token)")
    axes.grid(alpha=0.3)
    axes.legend()
    is_png = pathlib.Path(output).suffix in ("", ".png")
    figure.savefig(output, dpi=150, metadata={"Software": "bitpipe"} if is_png else None)


def report(runs, entropy):
    for label, steps in runs:
        values = losses(steps)
        last = values[-max(1, len(steps) // 20):]
        mean = sum(last) / len(last)
        print(f"{label}: loss {values[0]:.4f} at step {steps[0]['step']}, "
              f"{values[-1]:.4f} at step {steps[-1]['step']}, "
              f"mean of the last {len(last)} {mean:.4f}")
        at, values = evaluations(steps)
        if at:
            # What is not finite is never the lowest.
            low = min(range(len(at)), key=lambda i: math.inf if math.isnan(values[i]) else values[i])
            print(f"{label}: evaluation loss {values[-1]:.4f} after step {at[-1]}, "
                  f"lowest {values[low]:.4f} after step {at[low]}")
    if entropy is not None:
        print(f"unigram entropy of the text: {entropy:.4f}")


def main():
    parser = argparse.ArgumentParser(prog="python -m bitpipe.plot", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("metrics", nargs="+", help="files that bitpipe-run --metrics wrote")
    parser.add_argument("-o", "--output", default="loss.png")
    parser.add_argument("--text", help="the text that was trained on, bytes as tokens")
    parser.add_argument("--force", action="store_true", help="replace a file that bitpipe did not write")
    args = parser.parse_args()
    try:
        if not args.force:
            refuse_to_replace(args.output)
        runs = [(label_of(path), metrics.read(path)) for path in args.metrics]
        for path, (_, steps) in zip(args.metrics, runs):
            if not steps:
                raise ValueError(f"{path}: no steps, expected at least one")
        text = pathlib.Path(args.text).read_bytes() if args.text else b""
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    entropy = unigram_entropy(text) if text else None
    draw(runs, entropy, args.output)
    report(runs, entropy)


if __name__ == "__main__":
    main()
