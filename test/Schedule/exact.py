"""Optimal orders of small problems by constraint programming (OR-tools' CP-SAT), beside
the scheduler's orders and bounds.

    schedule-small-cases | python test/Schedule/exact.py [SECONDS]

Reads a problem per line. Fails if a bound is above what is possible or an order is
shorter than that; tells which orders are optimal. SECONDS is the time for each problem,
10 unless told.
"""
import json
import sys

from ortools.sat.python import cp_model

UNIT = 2  # times are halves


class Model:
    def __init__(self, problem):
        self.model = cp_model.CpModel()
        self.problem = problem
        self.horizon = round(UNIT * problem["found"]) + 1
        self.devices = [[] for _ in range(problem["devices"])]
        self.links = {}
        self.alive = [[] for _ in range(problem["devices"])]
        self.ends = []
        for devices, microbatches in problem["routes"]:
            for microbatch in microbatches:
                self.add_microbatch(devices)
        self.bound_devices()
        self.makespan = self.model.new_int_var(0, self.horizon, "makespan")
        self.model.add_max_equality(self.makespan, self.ends)
        self.model.minimize(self.makespan)

    def run(self, device, time, after):
        """An action on a device, after another one; its end."""
        time = round(UNIT * time)
        start = self.model.new_int_var(0, self.horizon, "")
        self.devices[device].append(self.model.new_fixed_size_interval_var(start, time, ""))
        if after is not None:
            self.model.add(start >= after)
        self.ends.append(start + time)
        return start, start + time

    def message(self, source, target, after):
        """When what is made is on the device that reads it."""
        transfer, latency = (round(UNIT * time) for time in self.problem["message"])
        if source == target:
            return after
        start = self.model.new_int_var(0, self.horizon, "")
        self.links.setdefault((source, target), []).append(
            self.model.new_fixed_size_interval_var(start, transfer, ""))
        self.model.add(start >= after)
        return start + transfer + latency

    def add_microbatch(self, devices):
        forward, backward, input_gradient, weight_gradient = self.problem["times"]
        ready, starts = None, []
        for stage, device in enumerate(devices):
            start, done = self.run(device, forward, ready)
            starts.append(start)
            ready = done if stage + 1 == len(devices) else self.message(
                device, devices[stage + 1], done)
        for stage in reversed(range(len(devices))):
            device = devices[stage]
            _, done = self.run(device, input_gradient if self.problem["split"] else backward, ready)
            freed = self.run(device, weight_gradient, done)[1] if self.problem["split"] else done
            lifetime = self.model.new_int_var(0, self.horizon, "")
            self.alive[device].append(self.model.new_interval_var(
                starts[stage], lifetime, freed, ""))
            if stage:
                ready = self.message(device, devices[stage - 1], done)

    def bound_devices(self):
        for intervals in [*self.devices, *self.links.values()]:
            self.model.add_no_overlap(intervals)
        for intervals in self.alive:
            self.model.add_cumulative(intervals, [1] * len(intervals),
                                      int(self.problem["memory"] + 1e-6))

    def solve(self, seconds):
        """The shortest makespan, and what is proven."""
        solver = cp_model.CpSolver()
        solver.parameters.max_time_in_seconds = seconds
        solver.parameters.num_workers = 2
        status = solver.solve(self.model)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return None, solver.best_objective_bound / UNIT
        return solver.objective_value / UNIT, solver.best_objective_bound / UNIT


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10
    proven = optimal = wrong = 0
    for line in sys.stdin:
        problem = json.loads(line)
        best, bound = Model(problem).solve(seconds)
        found, lower = problem["found"], problem["bound"]
        # Orders in which a message waits for an earlier one of its link are left out of
        # neither; an order that is found is possible here, too.
        bad = best is None or lower > best + 1e-6 or found < bound - 1e-6
        proven += best is not None and best == bound
        optimal += best is not None and best == bound and found <= best + 1e-6
        wrong += bad
        if bad or best != bound or found > best + 1e-6:
            print(f"{problem['name']}: found {found:g}, bound {lower:g}, "
                  f"exact {best} (proven {bound:g}){' WRONG' if bad else ''}")
    print(f"{proven} solved exactly, of these {optimal} orders found are optimal; {wrong} wrong")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
