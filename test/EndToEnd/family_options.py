"""Every schedule by name, with what may be asked for beside it, trains to the reference, and processes save the bits of threads.

    family_options.py FOLDER MODEL [--part=K/N] [--processes=2]

All run 16 micro-batches in a step, those with two replicas on eight devices and the others on four. Losses are within 1e-5 of
those of `gpipe`, which families-*.test hold to the reference. An option that cannot be for a schedule is refused in a line; where
it leaves a device too few activations that line says how many would do, and they do.
"""
import argparse
import json
import pathlib
import re
import subprocess

from saved_parameters import saved, schedules

REPLICAS = ["--data-parallel=2"]
OPTIONS = [[], REPLICAS, *([*REPLICAS, f"--shard={what}"] for what in ("optimizer", "gradients", "parameters")),
           ["--recompute=all"], ["--recompute=0", "--balance"], [*REPLICAS, "--recompute=all", "--shard=parameters"],
           ["--balance"], [*REPLICAS, "--balance", "--shard=parameters"],
           ["--offload=5"], ["--offload=5", "--recompute=0"], [*REPLICAS, "--offload=5", "--shard=parameters"]]

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("model", type=pathlib.Path)
parser.add_argument("--part", default="1/1", help="of all schedules")
parser.add_argument("--processes", type=int, default=2)
arguments = parser.parse_args()
arguments.folder.mkdir(parents=True, exist_ok=True)
PLAN, TARGET, METRICS = (arguments.folder / name for name in ("plan.mlir", "saved.safetensors", "metrics.jsonl"))


def compiled(schedule, options):
    """Whether it is a plan; what is not is a schedule that moves activations already."""
    devices = 8 if REPLICAS[0] in options else 4
    done = subprocess.run(["bitpipe-opt", arguments.model / "model.onnx", f"--pipeline={schedule}", f"--devices={devices}",
                           "--microbatches=16", *options, "-o", PLAN], capture_output=True, text=True)
    errors = [line for line in done.stderr.splitlines() if "error: " in line]
    if done.returncode and (least := re.search(r"can do with (\d+) where its host keeps", errors[0])):
        assert f"--offload={least[1]}" not in options, (schedule, options, errors)
        return compiled(schedule, [f"--offload={least[1]}" if option.startswith("--offload=") else option for option in options])
    assert done.returncode == 0 or schedule == "bpipe" and len(errors) == 1 and "moves activations already" in errors[0], (
        schedule, options, done.stderr)
    return done.returncode == 0


def losses(schedule, options):
    bits = saved(PLAN, arguments.model, TARGET, f"--metrics={METRICS}")
    assert saved(PLAN, arguments.model, TARGET, processes=arguments.processes) == bits, (schedule, options)
    return [json.loads(line)["loss"] for line in METRICS.read_text().splitlines()]


assert compiled("gpipe", [])
expected = losses("gpipe", [])
trained = refused = 0
for schedule in schedules(arguments.part):
    for options in OPTIONS:
        if not compiled(schedule, options):
            refused += 1
            continue
        got = losses(schedule, options)
        assert all(abs(one - other) <= 1e-5 * other for one, other in zip(got, expected, strict=True)), (schedule, options, got, expected)
        trained += 1
print(f"{trained} trained as the reference, {refused} refused")
