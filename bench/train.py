"""Training speed side by side: PyTorch eager, compiled and its pipelines, oneDNN's own
matrix products, and bitpipe, on the same model, weights and data.

    python bench/train.py [--works large,small] [--rounds 3] [--steps 20] [--json results.json]
    python bench/train.py --works gpt-512-1024,llama-512-1024    # MODEL-HIDDEN-SEQUENCE, see works.py
    python bench/train.py --works grid --json grid.json          # all of works.py's sizes; two hours

Two threads for all: as two devices, or as one device or PyTorch alone with two. Contestants
take turns, so that a noisy minute spoils a round of all and not one of them. A round's
figure is the median step after the first; shown are the median of the rounds and
the spread, half of the difference between the slowest and the fastest round. --json is written
after every work; works that are in it already are shown and not measured again."""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

import process
import trace_summary
import works

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
BIN = ROOT / "build" / "bin"
sys.path.insert(0, str(ROOT / "python"))

THREADS = 2
# Blocks per stage for PyTorch's schedules; the head of the large work costs
# as much as one and a half blocks, that of the small one nearly nothing.
CUTS = {
    "large": {"gpipe": ["5,3"], "1f1b": ["5,3"], "interleaved": ["3,2,2,1", "2,2,3,1"]},
    "small": {"gpipe": ["4,4"], "1f1b": ["4,4"], "interleaved": ["2,2,2,2"]},
}
SCHEDULES = ["zb-v", "bitpipe", "interleaved", "1f1b", "gpipe"]
SOME_SCHEDULES = ["zb-v", "1f1b"]  # of the works that are named by their sizes
STEPS = {"large": 8, "small": 40}
# What bitpipe is to reach, and of what.
GOALS = {"large": {"of_onednn": 0.6, "of_pytorch": 1.0}, "small": {"of_pytorch": 2.0}}


def goals_of(work):
    """The same of a work that is named by its sizes."""
    return {"of_pytorch": 1.2} | ({"of_onednn": 0.85} if work["hidden"] >= 512 else {})


def onednn_rate(work, seconds):
    """GFLOP/s of oneDNN's matrix products on two threads at once."""
    subprocess.run(["ninja", "-C", ROOT / "build", "onednn-rate"], check=True,
                   stdout=subprocess.DEVNULL)
    sizes = [work[k] for k in ("layers", "hidden", "heads", "sequence", "vocabulary")]
    done = process.run([BIN / "onednn-rate", *sizes, work["microbatch"], THREADS, seconds],
                       OMP_NUM_THREADS="1")
    return float(done.out)


def pytorch(name, schedule, steps, cuts=None):
    arguments = [sys.executable, "pytorch_train.py", name, schedule, "--steps", steps]
    done = process.run(arguments + (["--cuts", cuts] if cuts else []), cwd=HERE)
    result = json.loads(done.out.splitlines()[-1])
    label = f"PyTorch {schedule}" + (f" {cuts}" if cuts else "")
    return {"name": label, "step_seconds": result["step_seconds"],
            "losses": result["losses"], "memory": sum(result["memory"])}


def export_work(name, folder, steps):
    """Writes the work's model and data where bitpipe's tools find them."""
    import torch
    from bitpipe.export import export
    from safetensors.torch import save_file

    work = works.work(name)
    ids, labels = works.make_data(work, steps)
    save_file({"input_ids": ids, "labels": labels}, folder / "data.safetensors")
    export(works.make(work), {"input_ids": ids[:work["microbatch"]]}, folder / "model.onnx")


def bitpipe(work, schedule, devices, folder, steps):
    """One device has all threads, each of two has one."""
    plan = folder / f"{schedule}-{devices}.mlir"
    metrics, trace = plan.with_suffix(".jsonl"), plan.with_suffix(".json")
    process.run([BIN / "bitpipe-opt", folder / "model.onnx", f"--pipeline={schedule}",
                 f"--devices={devices}", f"--microbatches={work['microbatches']}",
                 "--force", "-o", plan])
    done = process.run([BIN / "bitpipe-run", plan, f"--data={folder}/data.safetensors",
                        f"--threads={THREADS // devices}", f"--steps={steps}", "--force",
                        f"--metrics={metrics}", f"--trace={trace}"])
    rows = [json.loads(line) for line in metrics.read_text().splitlines()]
    rows = [row for row in rows if "step_seconds" in row]
    name = f"bitpipe {schedule}" if devices > 1 else "bitpipe, one device"
    return {"name": name, "trace": str(trace), "memory": done.memory,
            "step_seconds": statistics.median(r["step_seconds"] for r in rows[1:]),
            "losses": [r["loss"] for r in rows]}


def check_losses(results):
    """All contestants must have trained the same model."""
    expected = results[0]["losses"]
    for result in results[1:]:
        for step, (got, want) in enumerate(zip(result["losses"], expected)):
            if abs(got / want - 1) > 1e-3:
                raise RuntimeError(f"{result['name']}: loss {got} at step {step}, "
                                   f"expected {want} as {results[0]['name']} has")


def cuts_of(name):
    """Blocks per stage for PyTorch's schedules."""
    if name in CUTS:
        return CUTS[name]
    layers = works.work(name)["layers"]
    cuts = {"1f1b": [even(layers, THREADS)]}
    if layers >= 2 * THREADS:
        cuts["interleaved"] = [even(layers, 2 * THREADS)]
    return cuts


def even(layers, stages):
    """As many blocks in each stage, or one more in the first ones."""
    return ",".join(str(layers // stages + (stage < layers % stages)) for stage in range(stages))


def contestants(name, steps, folder):
    """What runs each of them once, by no name but that of their results."""
    work = works.work(name)
    runs = [lambda kind=kind: pytorch(name, kind, steps) for kind in ("eager", "compile")]
    for schedule, all_cuts in cuts_of(name).items():
        for cuts in all_cuts:
            runs.append(lambda schedule=schedule, cuts=cuts: pytorch(name, schedule, steps, cuts))
    runs.append(lambda: bitpipe(work, "1f1b", 1, folder, steps)) # one micro-batch at a time
    for schedule in SCHEDULES if name in CUTS else SOME_SCHEDULES:
        runs.append(lambda schedule=schedule: bitpipe(work, schedule, THREADS, folder, steps))
    return runs


def joined(rounds):
    """One result from those of all rounds."""
    seconds = [result["step_seconds"] for result in rounds]
    return {**rounds[-1], "step_seconds": statistics.median(seconds), "rounds": seconds,
            "memory": max(result["memory"] for result in rounds),
            "spread": (max(seconds) - min(seconds)) / 2 / statistics.median(seconds)}


def contest(name, steps, rounds, folder):
    work = works.work(name)
    export_work(name, folder, steps)
    runs, rates, results = contestants(name, steps, folder), [], []
    for _ in range(rounds):
        rates.append(onednn_rate(work, seconds=4))
        results.append([run() for run in runs])
        check_losses(results[-1])
    return {"work": name, **work, "onednn_gflops": max(rates),
            "results": [joined(each) for each in zip(*results)]}


def best(results, maker):
    return min((r for r in results if r["name"].startswith(maker)),
               key=lambda r: r["step_seconds"])


def add_rates(outcome):
    work = works.work(outcome["work"])
    tokens = works.tokens(work)
    rival = best(outcome["results"], "PyTorch")["step_seconds"]
    for result in outcome["results"]:
        result["tokens_per_second"] = tokens / result["step_seconds"]
        result["gflops"] = works.flop(work) / result["step_seconds"] / 1e9
        result["of_onednn"] = result["gflops"] / outcome["onednn_gflops"]
        result["of_pytorch"] = rival / result["step_seconds"]


def show(outcome):
    print(f"\n{outcome['work']} work: hidden {outcome['hidden']}, {outcome['layers']} layers; "
          f"oneDNN's matrix products on {THREADS} threads: {outcome['onednn_gflops']:.0f} GFLOP/s")
    print(f"{'':32}{'tokens/s':>9}{'GFLOP/s':>9}{'spread':>8}{'of oneDNN':>11}{'of PyTorch':>12}{'peak MiB':>10}")
    for r in outcome["results"]:
        print(f"{r['name']:32}{r['tokens_per_second']:9.0f}{r['gflops']:9.1f}{r['spread']:8.1%}"
              f"{r['of_onednn']:11.1%}{r['of_pytorch']:11.2f}x{r['memory'] / 2**20:10.0f}")
    fastest = best(outcome["results"], "bitpipe")
    for figure, goal in (GOALS.get(outcome["work"]) or goals_of(outcome)).items():
        verdict = "reached" if fastest[figure] >= goal else "missed"
        print(f"{figure.replace('_', ' ')}: {fastest[figure]:.2f}, goal {goal}: {verdict}")
    rival = best(outcome["results"], "PyTorch")
    print(f"memory: {fastest['memory'] / rival['memory']:.2f} of that of {rival['name']}")
    print(f"\nwhere {fastest['name']} spends its time")
    trace_summary.show(trace_summary.read(fastest["trace"]))


def show_all(outcomes):
    """A line per work: the best of bitpipe beside the best of PyTorch, and one device of all threads beside PyTorch eager."""
    print(f"\n{'':16}{'tokens/s':>18}{'':19}{'one device, of eager':>20}")
    print(f"{'':16}{'PyTorch':>9}{'bitpipe':>9}{'ratio':>8}{'of oneDNN':>11}{'speed':>8}{'memory':>8}  best of each")
    for outcome in outcomes:
        ours, rival = best(outcome["results"], "bitpipe"), best(outcome["results"], "PyTorch")
        eager, alone = best(outcome["results"], "PyTorch eager"), best(outcome["results"], "bitpipe, one device")
        speed, memory = eager["step_seconds"] / alone["step_seconds"], alone["memory"] / eager["memory"]
        print(f"{outcome['work']:16}{rival['tokens_per_second']:9.0f}{ours['tokens_per_second']:9.0f}{ours['of_pytorch']:7.2f}x"
              f"{ours['of_onednn']:11.1%}{speed:7.2f}x{memory:8.2f}  {rival['name']}; {ours['name']}")


def measure(name, args):
    folder = args.folder / name
    folder.mkdir(parents=True, exist_ok=True)
    outcome = contest(name, args.steps or STEPS.get(name, 6), args.rounds, folder)
    add_rates(outcome)
    return outcome


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--works", default="large,small")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--steps", type=int, help="default: 8 large ones, 40 small ones, 6 of others")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "build" / "bench")
    parser.add_argument("--json", type=pathlib.Path, help="all figures, those of works measured before among them")
    args = parser.parse_args()
    names = args.works.split(",")
    if args.works == "grid":
        names = [f"{model}-{hidden}-{sequence}" for model in ("gpt", "llama")
                 for hidden in works.HIDDEN for sequence in works.SEQUENCES]
    try:
        for name in names:
            works.work(name)
        outcomes = json.loads(args.json.read_text()) if args.json and args.json.exists() else []
    except json.JSONDecodeError as error:
        parser.error(f"{args.json}: {error}, expected what --json wrote")
    except ValueError as error:
        parser.error(str(error))
    for name in names:
        if name in [outcome["work"] for outcome in outcomes]:
            continue
        outcomes.append(measure(name, args))
        show(outcomes[-1])
        if args.json:
            args.json.write_text(json.dumps(outcomes, indent=1))
    show_all(sorted((outcome for outcome in outcomes if outcome["work"] in names),
                    key=lambda outcome: names.index(outcome["work"])))


if __name__ == "__main__":
    main()
