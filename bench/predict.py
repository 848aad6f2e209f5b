"""Predicted step time, idle time and memory beside measured ones.

    python bench/predict.py [--rounds 3] [--parts threads,processes,computing,slow-link]

Emulated devices: eight schedules on eight devices, as threads of one process, told 4 ms and more for what a
device does forward, and as eight processes under mpirun, told 16 ms: each process has threads of its own that
wake up for messages, and eight of them are late by milliseconds of a step on two cores. A first run tells what messages take; the predictions for the next ones
use that and the times that the devices are told. Computing devices: the example GPT on two
devices, predicted for each run from the profile of a run before it. Slow link: the same two devices as processes
in two network namespaces (bench/slow_link.py, needs root), compiled for and predicted from a profile made without that
link, and the link's delay and rate.

Every figure is the median over the rounds, of which each measures medians over its steps. The
machine's load is printed, since others on it make everything late. With `--idle-share` a
difference of idle time also passes if it is that share of a step, for schedules that hardly idle.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = ROOT / "build" / "bin"
OUT = ROOT / "build" / "predict"
MODEL = ROOT / "examples" / "gpt-1m.onnx"
SCHEDULES = ["1f1b", "gpipe", "interleaved", "zb-h1", "zb-v", "dualpipe", "chimera-doubling", "bitpipe"]
COMPUTED = ["1f1b", "gpipe", "zb-h1", "interleaved"]
GOAL = 0.05
QUANTITIES = ("step", "idle", "memory")


def run(*command):
    environment = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout


def compile_plan(schedule, devices, microbatches, *options):
    plan = OUT / f"{schedule}-{devices}.mlir"
    run(BIN / "bitpipe-opt", MODEL, f"--pipeline={schedule}", f"--devices={devices}",
        f"--microbatches={microbatches}", *options, "--force", "-o", plan)
    return plan


def told(plan, forward):
    """Uneven stages of the same model; so many seconds and more for all that a device does forward."""
    stages = 1 + max(int(n) for n in re.findall(r"pipe\.execute F stage (\d+)", plan.read_text()))
    unit = forward * 8 / stages
    times = []
    for stage in range(stages):
        f = unit * (1 + stage % 3 / 12)
        times.append({"F": f, "I": 1.1 * f, "W": 0.9 * f, "sum": 0.4 * unit, "norm": 0.05 * unit,
                      "optimizer": 0.3 * unit, "message": 98304})
    return {"stages": times}


def train(plan, costs, arguments, launcher=()):
    """What --predict prints of all devices: {quantity: (predicted, measured)}."""
    path = plan.with_suffix(".costs.json")
    path.write_text(json.dumps(costs))
    return totals(run(*launcher, BIN / "bitpipe-run", plan, f"--cost-file={path}", "--predict", "--force", *arguments))


def totals(out):
    row = re.search(r"^all +(\S+) +(\S+) +\S+ +(\S+) +(\S+) +\S+ +(\S+) +(\S+)", out, re.M)
    values = [float(number) for number in row.groups()]
    return {name: (values[2 * i], values[2 * i + 1]) for i, name in enumerate(QUANTITIES)}


def emulated(schedule, rounds, forward, launcher=()):
    plan = compile_plan(schedule, 8, 16)
    profile = plan.with_suffix(".profile.json")
    costs = told(plan, forward)
    arguments = ["--device=emulated", "--steps=20"]
    train(plan, costs, [*arguments, f"--profile={profile}"], launcher)
    known = json.loads(profile.read_text())
    costs |= {"links": known["links"], "feed": known["feed"]}
    return [train(plan, costs, arguments, launcher) for _ in range(rounds)]


def write_text(path):
    """Text to train on, which every Debian has."""
    path.write_bytes(b"".join(licence.read_bytes() for licence in sorted(pathlib.Path("/usr/share/common-licenses").iterdir())
                              if licence.is_file())[:400_000])


def profiled(schedule):
    """A plan for two devices that compute, the data, and a profile of a run of both as threads."""
    plan = compile_plan(schedule, 2, 8)
    text, profile = OUT / "licences.txt", plan.with_suffix(".profile.json")
    write_text(text)
    run(BIN / "bitpipe-run", plan, f"--data={text}", "--steps=40", "--threads=1", f"--profile={profile}", "--force")
    return plan, text, json.loads(profile.read_text())


def computing(schedule, rounds):
    plan, text, known = profiled(schedule)
    return [train(plan, known, [f"--data={text}", "--steps=40", "--threads=1"]) for _ in range(rounds)]


def slow_link(schedule, rounds, delay=20e-3, rate=100e6):
    plan, text, known = profiled(schedule)
    costs = plan.with_suffix(".costs.json")
    costs.write_text(json.dumps(known | {"links": {"latency": delay, "bandwidth": rate / 8}}))
    compile_plan(schedule, 2, 8, f"--cost-file={costs}")
    hosts = ROOT / "test" / "Runtime" / "Inputs" / "two_hosts.py"
    command = [sys.executable, ROOT / "bench" / "slow_link.py", f"--delay={delay * 1e3:g}", f"--rate={rate / 1e6:g}", "--",
               sys.executable, hosts, "{a}", "{b}", plan, text, OUT / "hosts", f"--cost-file={costs}", "--predict",
               "--steps=20"]
    return [totals(run(*command)) for _ in range(rounds)]


def difference(predicted, measured):
    return predicted / measured - 1 if measured else 0.0


def show(title, rows, idle_share):
    print(f"\n{title}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"{'':18} {'step ms':>26} {'idle ms':>26} {'memory MiB':>26}")
    worst = dict.fromkeys(QUANTITIES, 0.0)
    for name, rounds in rows.items():
        line, steps = f"{name:18}", [one["step"][1] for one in rounds]
        for quantity in QUANTITIES:
            predicted, measured = (statistics.median(one[quantity][i] for one in rounds) for i in (0, 1))
            off = difference(predicted, measured)
            line += f" {predicted:9.2f} {measured:9.2f} {off:+6.1%}"
            small = quantity == "idle" and abs(predicted - measured) <= idle_share * statistics.median(steps)
            worst[quantity] = max(worst[quantity], 0 if small else abs(off))
        print(line, flush=True)
    for quantity, off in worst.items():
        print(f"{quantity}: at most {off:.1%} off, goal {GOAL:.0%}: {'reached' if off <= GOAL else 'missed'}")


COMPUTING = {"computing": ("two devices that compute, from the profile of a run before", computing),
             "slow-link": ("two processes that compute, 20 ms and 100 Mbit/s apart", slow_link)}


PARTS = ["threads", "processes", *COMPUTING]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--schedules", default=",".join(SCHEDULES), help="of emulated devices")
    parser.add_argument("--idle-share", type=float, default=0.0)
    options = parser.parse_args()
    for what, given, known in ("part", options.parts, PARTS), ("schedule", options.schedules, SCHEDULES):
        for name in given.split(","):
            if name not in known:
                parser.error(f"no {what} named {name}, expected some of {', '.join(known)}")
    OUT.mkdir(parents=True, exist_ok=True)
    for part in options.parts.split(","):
        if part in COMPUTING:
            title, measure = COMPUTING[part]
            show(title, {name: measure(name, options.rounds) for name in COMPUTED}, options.idle_share)
            continue
        setting = (16e-3, ["mpirun", "--oversubscribe", "-n", "8"]) if part == "processes" else (4e-3,)
        rows = {name: emulated(name, options.rounds, *setting) for name in options.schedules.split(",")}
        show(f"eight emulated devices as {part}", rows, options.idle_share)


if __name__ == "__main__":
    main()
