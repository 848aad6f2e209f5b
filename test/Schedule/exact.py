"""Orders and bounds beside the best that an exact solver finds (OR-tools' CP-SAT).

    exact.py [--devices 2,3,4] [--seconds 20] [--comm 0,0.5] [--names bitpipe,zb-v]

Every schedule of whole runs, with up to two micro-batches per device: the same placement, times and memory (what the order
takes on each device) as one problem of intervals. No order may be shorter than the optimum, no bound longer. Printed is
what was not proven within the time, and how often an order is the best there is.
"""
import argparse
import re
import subprocess
import sys

from ortools.sat.python import cp_model

UNIT = 20  # parts of a forward: times are whole numbers here
NAMES = ["gpipe", "1f1b", "interleaved", "interleaved-zb", "zb-h1", "zb-h2", "zb-v", "v-half", "v-min", "chimera",
         "bitpipe-published", "bitpipe", "bitpipe-zb"]


def tool(*options):
    done = subprocess.run(["bitpipe-opt", *map(str, options)], capture_output=True, text=True)
    return done.stdout + done.stderr if done.returncode == 0 else None


class Case:
    """An order that bitpipe-opt makes, with its times and bounds."""

    def __init__(self, name, devices, microbatches, comm):
        self.name = f"{name}, D = {devices}, N = {microbatches}" + (f", message {comm}" if comm else "")
        options = [f"--pipeline={name}", f"--devices={devices}", f"--microbatches={microbatches}", f"--cost=comm={comm}"]
        text, report = tool(*options, "--emit=schedule"), tool(*options, "--emit=report")
        self.exists = bool(text and report)
        if not self.exists:
            return
        self.comm = round(comm * UNIT)
        self.order = [[re.fullmatch(r"(\d+)([FBIW])(\d+)", cell).groups() for cell in line.split(",") if cell]
                      for line in text.split()]
        found = re.search(r"makespan ([\d.]+), lower bound ([\d.]+)(?: \(([\d.]+) in the same memory\))?", report)
        self.makespan, self.bound = (round(float(x) * UNIT) for x in (found[1], found[3] or found[2]))
        self.memory = [int(held) for held in re.findall(r"^\d+ +[\d.]+ +[\d.]+ +[\d.]+% +(\d+)", report, re.M)]

    def solve(self, seconds):
        """The optimum, and a shortest time that is proven where that was not found."""
        model, device, time = cp_model.CpModel(), {}, {"F": 1, "B": 2, "I": 1, "W": 1}
        runs = [(int(stage), kind, int(m), d) for d, row in enumerate(self.order) for stage, kind, m in row]
        start, end, work = {}, {}, [[] for _ in self.order]
        for stage, kind, m, d in runs:
            run = stage, kind, m
            device[run] = d
            start[run] = model.new_int_var(0, self.makespan, "")
            end[run] = start[run] + time[kind] * UNIT
            work[d].append(model.new_fixed_size_interval_var(start[run], time[kind] * UNIT, ""))
        for intervals in work:
            model.add_no_overlap(intervals)
        links, alive = {}, [[] for _ in self.order]
        last = max(stage for stage, _, _, _ in runs)
        gradient = "I" if any(kind == "I" for _, kind, _, _ in runs) else "B"
        for stage, kind, m, d in runs:
            run = stage, kind, m
            if kind == "W":
                model.add(start[run] >= end[stage, "I", m])
                continue
            if kind == "F":
                free = end[stage, "W" if gradient == "I" else "B", m]
                length = model.new_int_var(0, self.makespan, "")
                alive[d].append(model.new_interval_var(start[run], length, free, ""))
            follows = (stage + 1, "F", m) if kind == "F" and stage < last else (stage - (kind != "F"), gradient, m)
            if follows[0] < 0:
                continue
            there = end[run]
            if self.comm and device[follows] != d:
                sent = model.new_int_var(0, self.makespan, "")
                links.setdefault((d, device[follows]), []).append(model.new_fixed_size_interval_var(sent, self.comm, ""))
                model.add(sent >= there)
                there = sent + self.comm
            model.add(start[follows] >= there)
        for intervals in links.values():
            model.add_no_overlap(intervals)
        for intervals, memory in zip(alive, self.memory, strict=True):
            model.add_cumulative(intervals, [1] * len(intervals), memory)
        self.tell_alike_apart(model, start, device)
        latest = model.new_int_var(0, self.makespan, "")
        for run in end:
            model.add(end[run] <= latest)
        model.minimize(latest)
        solver = cp_model.CpSolver()
        solver.parameters.max_time_in_seconds = seconds
        solver.parameters.num_workers = 2
        status = solver.solve(model)
        if status == cp_model.OPTIMAL:
            return round(solver.objective_value), round(solver.objective_value)
        assert status in (cp_model.FEASIBLE, cp_model.UNKNOWN), f"{self.name}: {solver.status_name(status)}, though there is an order"
        proven = round(solver.best_objective_bound)
        return self.makespan if proven == self.makespan else None, proven

    @staticmethod
    def tell_alike_apart(model, start, device):
        """Micro-batches of one route begin in their order."""
        routes = {}
        stages = 1 + max(stage for stage, _, _ in device)
        for stage, kind, m in sorted(device):
            if kind == "F" and stage == 0:
                routes.setdefault(tuple(device[s, "F", m] for s in range(stages)), []).append(m)
        for alike in routes.values():
            for one, other in zip(alike, alike[1:]):
                model.add(start[0, "F", one] < start[0, "F", other])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--devices", default="2,3,4")
    parser.add_argument("--comm", default="0,0.5")
    parser.add_argument("--names", default=",".join(NAMES))
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    best = tight = unproven = count = 0
    wrong = []
    for comm in map(float, options.comm.split(",")):
        for name in options.names.split(","):
            for devices in map(int, options.devices.split(",")):
                for microbatches in sorted({devices, devices + 1, 2 * devices}):
                    case = Case(name, devices, microbatches, comm)
                    if not case.exists:
                        continue
                    optimum, proven = case.solve(options.seconds)
                    count += 1
                    best += optimum == case.makespan
                    tight += optimum == case.bound
                    unproven += optimum is None
                    as_text = lambda parts: f"{parts / UNIT:g}"
                    if optimum is None or optimum != case.makespan:
                        print(f"{case.name}: order {as_text(case.makespan)}, bound {as_text(case.bound)}, "
                              + (f"optimum {as_text(optimum)}" if optimum else f"none shorter than {as_text(proven)}"), flush=True)
                    if case.makespan < proven or optimum is not None and case.bound > optimum:
                        wrong.append(case.name)
    print(f"{count} problems: {best} orders are optimal, {tight} bounds are met, {unproven} not proven in the time")
    if wrong:
        sys.exit(f"wrong: {', '.join(wrong)}")


main()
