"""The small work on four devices: threads of one process, processes under mpirun and torchrun, and PyTorch's pipelines,
which are processes over gloo.

    python bench/processes.py [--rounds 5] [--steps 30]

Contestants take turns; a figure is the median over the rounds of the median step of each, and the spread from the least to
the most. All train the same model with the same data, to the same losses."""

import argparse
import json
import os
import pathlib
import statistics
import sys

import process
import train
import works

RANKS = 4
LAUNCHERS = {
    "bitpipe, threads": [],
    "bitpipe, mpirun -n 2": ["mpirun", "--bind-to", "none", "-n", 2],
    "bitpipe, mpirun -n 4": ["mpirun", "--bind-to", "none", "-n", 4],
    "bitpipe, torchrun 4": ["torchrun", "--nproc-per-node=4", "--no-python"],
}
CUTS = {"gpipe": "2,2,2,2", "1f1b": "2,2,2,2", "interleaved": "1,1,1,1,1,1,1,1"}
ENVIRONMENT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "OMPI_MCA_rmaps_base_oversubscribe": "1", "RANKS": str(RANKS), "OMP_NUM_THREADS": "1"}


def bitpipe(launcher, folder, steps):
    metrics = folder / "metrics.jsonl"
    process.run([*launcher, train.BIN / "bitpipe-run", folder / "plan.mlir", f"--data={folder}/data.safetensors",
                 f"--steps={steps}", "--force", f"--metrics={metrics}"], **ENVIRONMENT)
    rows = [json.loads(line) for line in metrics.read_text().splitlines()]
    return {"step_seconds": statistics.median(row["step_seconds"] for row in rows[1:]),
            "losses": [row["loss"] for row in rows]}


def pytorch(schedule, steps):
    done = process.run([sys.executable, "pytorch_train.py", "small", schedule, "--steps", steps, "--cuts", CUTS[schedule]],
                       cwd=train.HERE, **ENVIRONMENT)
    return json.loads(done.out.splitlines()[-1])


def contestants(folder, steps):
    runs = {name: lambda launcher=launcher: bitpipe(launcher, folder, steps) for name, launcher in LAUNCHERS.items()}
    for schedule in CUTS:
        runs[f"PyTorch {schedule}, gloo"] = lambda schedule=schedule: pytorch(schedule, steps)
    return runs


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--schedule", default="bitpipe")
    args = parser.parse_args()
    folder = train.ROOT / "build" / "bench" / "processes"
    folder.mkdir(parents=True, exist_ok=True)
    train.export_work("small", folder, args.steps)
    microbatches = works.work("small")["microbatches"]
    process.run([train.BIN / "bitpipe-opt", folder / "model.onnx", f"--pipeline={args.schedule}", f"--devices={RANKS}",
                 f"--microbatches={microbatches}", "--force", "-o", folder / "plan.mlir"])
    runs = contestants(folder, args.steps)
    times = {name: [] for name in runs}
    for _ in range(args.rounds):
        results = [{"name": name, **run()} for name, run in runs.items()]
        train.check_losses(results)
        for result in results:
            times[result["name"]].append(result["step_seconds"] * 1e3)
    print(f"{RANKS} devices on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, ms per step, "
          f"median and spread of {args.rounds} rounds")
    for name, values in times.items():
        print(f"{name:26}{statistics.median(values):8.2f}   {min(values):.2f} to {max(values):.2f}")


if __name__ == "__main__":
    main()
