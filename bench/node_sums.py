"""Sums over two hosts of two processes each: all at once, and within hosts first (--devices-per-node=2).

    python bench/node_sums.py [--rounds 3] [--delay 1] [--rate 200]

The hosts are network namespaces of this machine with a slow link between them (bench/slow_link.py, needs root); the example
GPT is trained by four replicas without a pipeline, so that a step is little but its sums. Both plans run in turn; what is
printed are medians over the rounds of the time of a step and of the bytes that a step sends over the link in one direction.
"""

import argparse
import json
import pathlib
import re
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from predict import BIN, MODEL, ROOT, run, write_text  # noqa: E402

OUT = ROOT / "build" / "node-sums"
PLANS = {"all at once": [], "within hosts first": ["--devices-per-node=2"]}
STEPS = 6


def make_plans():
    for name, flags in PLANS.items():
        run(BIN / "bitpipe-opt", MODEL, "--pipeline=gpipe", "--devices=4", "--data-parallel=4", "--microbatches=4", *flags,
            "--force", "-o", OUT / f"{name.replace(' ', '-')}.mlir")


def measure(name, text, options):
    """Seconds of a step and bytes over the link in all."""
    metrics = OUT / "metrics.jsonl"
    metrics.unlink(missing_ok=True)
    hosts = ROOT / "test" / "Runtime" / "Inputs" / "two_hosts.py"
    out = run(sys.executable, ROOT / "bench" / "slow_link.py", f"--delay={options.delay:g}", f"--rate={options.rate:g}", "--",
              sys.executable, hosts, "{a}", "{b}", OUT / f"{name.replace(' ', '-')}.mlir", text, OUT / "hosts", "--per-host=2",
              f"--steps={STEPS}", f"--metrics={metrics}")
    times = [json.loads(line).get("step_seconds") for line in metrics.read_text().splitlines()]
    times = [time for time in times[1:] if time]
    return statistics.median(times), int(re.search(r"(\d+) bytes over the link", out)[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--delay", type=float, default=1, help="ms")
    parser.add_argument("--rate", type=float, default=200, help="Mbit/s")
    options = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    text = OUT / "licences.txt"
    write_text(text)
    make_plans()
    rounds = {name: [] for name in PLANS}
    for _ in range(options.rounds):
        for name in PLANS:
            rounds[name].append(measure(name, text, options))
    for name, measured in rounds.items():
        times, sent = zip(*measured)
        print(f"{name}: {statistics.median(times) * 1e3:.0f} ms a step ({min(times) * 1e3:.0f} to {max(times) * 1e3:.0f}), "
              f"{statistics.median(sent) / STEPS / 1e6:.2f} MB over the link")


if __name__ == "__main__":
    main()
