"""Whether a run on GPUs has timed what it exchanged.

    gpu_times.py PLAN TRACE_OF_PROCESSORS TRACE PROFILE

TRACE has the messages and arrows of TRACE_OF_PROCESSORS, step by step, and every sum and gather of the plan; PROFILE has costs of
all of them, and every number of it is finite.
"""
import collections
import json
import math
import re
import sys


def of(path):
    with open(path) as file:
        return json.load(file)


def end(event):
    return event["ts"] + event["dur"]


def check_rows(events):
    """On a row nothing begins before what went on there has ended, or it lies within that."""
    rows = collections.defaultdict(list)
    for event in events:
        rows[event["tid"]].append(event)
    for row in rows.values():
        around = []
        for event in sorted(row, key=lambda event: (event["ts"], -event["dur"])):
            while around and end(around[-1]) <= event["ts"] + 2e-3:
                around.pop()
            assert not around or end(event) <= end(around[-1]) + 2e-3, (event, around)
            around.append(event)


class Trace:
    def __init__(self, path):
        trace = of(path)["traceEvents"]
        rows = {event["tid"]: event["args"]["name"] for event in trace if event["name"] == "thread_name"}
        self.predicted = {row for row, name in rows.items() if name.endswith("predicted")}
        self.device = {row: int(re.search(r"device (\d+)", name)[1]) for row, name in rows.items()}
        self.events = [event for event in trace if event["ph"] == "X" and event["tid"] not in self.predicted]
        self.steps = len({event["name"] for event in self.events if event["cat"] == "step"})
        self.messages = collections.Counter((self.device[event["tid"]], event["name"]) for event in self.events
                                            if event["cat"] == "messages")
        self.sums = collections.Counter((self.device[event["tid"]], event["name"]) for event in self.events
                                        if event["cat"] == "sums")
        self.begins = [event for event in trace if event["ph"] == "s"]
        self.ends = {event["id"]: event for event in trace if event["ph"] == "f"}
        self.arrows = collections.Counter((begin["name"], self.device[begin["tid"]], self.device[self.ends[begin["id"]]["tid"]])
                                          for begin in self.begins)

    def at(self, end):
        return {event["name"] for event in self.events if event["tid"] == end["tid"]
                and event["ts"] - 2e-3 <= end["ts"] <= event["ts"] + event["dur"] + 2e-3}


def check_order(trace):
    """Messages begin when the run that makes them has ended, and sums when all gradients of their stages are there; all are of one
    device, and of one clock."""
    events = collections.defaultdict(list)  # of each step
    for event in sorted(trace.events, key=lambda event: event["ts"]):
        events[trace.device[event["tid"]], event["cat"], event["name"]].append(event)
    checked = collections.Counter()
    for (device, category, name), mine in events.items():
        made = re.match(r"send ([FBIR] stage \d+ mb \d+) to", name)
        summed = re.match(r"reduce .*stages \[([\d, ]+)\]", name)
        if category not in ("messages", "sums") or not (made or summed):
            continue
        wanted = made[1] if made else f"[BW] stage ({summed[1].replace(', ', '|')}) mb \\d+"
        for (other, _, run), before in events.items():
            if other != device or not re.fullmatch(wanted, run):
                continue
            checked[category] += 1
            for step in range(trace.steps):
                assert end(before[step]) <= mine[step]["ts"] + 2e-3, (before[step], mine[step])
    assert checked["messages"] and checked["sums"], checked


def check_norms(trace):
    """A norm waits for the numbers of others between its two parts, and is in neither."""
    for device in set(trace.device.values()):
        mine = sorted((event["ts"], event["cat"], event["name"]) for event in trace.events
                      if trace.device[event["tid"]] == device and event["name"].endswith("gradient norm"))
        categories = [category for _, category, _ in mine]
        assert categories == ["waiting", "gradient norm"] * (2 * trace.steps), (device, mine)


def finite(value, path="profile"):
    if isinstance(value, dict):
        for key, one in value.items():
            finite(one, f"{path}.{key}")
    elif isinstance(value, list):
        for one in value:
            finite(one, path)
    elif isinstance(value, (int, float)):
        assert math.isfinite(value) and value >= 0, (path, value)


plan, cpu, gpu, profile = open(sys.argv[1]).read(), Trace(sys.argv[2]), Trace(sys.argv[3]), of(sys.argv[4])
assert gpu.steps == cpu.steps and cpu.messages and cpu.arrows, (gpu.steps, cpu.steps)
assert gpu.messages == cpu.messages, (gpu.messages - cpu.messages, cpu.messages - gpu.messages)
assert gpu.arrows == cpu.arrows, (gpu.arrows - cpu.arrows, cpu.arrows - gpu.arrows)
for begin in gpu.begins:
    assert any(name.startswith(f"send {begin['name']} to") for name in gpu.at(begin)), (begin, gpu.at(begin))
    kind, _, stage, _, microbatch = begin["name"].split()
    user = f"F stage {int(stage) + 1} mb {microbatch}" if kind == "F" else f"stage {int(stage) - 1} mb {microbatch}"
    assert any(name.endswith(user) for name in gpu.at(gpu.ends[begin["id"]])), (begin, user)
check_order(gpu)
check_norms(gpu)
check_rows(gpu.events)

planned = collections.Counter()
for device, program in enumerate(re.split(r"pipe\.program device \d+", plan)[1:]):
    planned[device] = len(re.findall(r"^ *pipe\.(?:all_reduce|reduce_scatter|all_gather) ", program, re.M))
timed = collections.Counter()
for (device, _), count in gpu.sums.items():
    timed[device] += count
assert sum(planned.values()) and timed == collections.Counter({d: n * gpu.steps for d, n in planned.items()}), (timed, planned)
# The stream that waits for a copy may come to it when it has ended.
assert all(event["dur"] > 0 or event["dur"] == 0 and event["name"].startswith("receive ") for event in gpu.events
           if event["cat"] in ("messages", "sums"))

finite(profile)
for stage in profile["stages"]:
    for key in ("F", "norm", "optimizer", "sum"):
        shared = any(stage is profile["stages"][i] for one in profile.get("shared", []) for i in one["stages"])
        assert stage.get(key, 0) > 0 or shared and key != "F", (key, stage)
for one in profile.get("shared", []):
    assert one["sum"] > 0 and one["norm"] > 0 and one["optimizer"] > 0, one
links = [profile["links"], *profile["links"].get("pairs", [])]  # on doubles what is larger may be as quick
assert all(link["latency"] + 1 / link.get("bandwidth", math.inf) > 0 for link in links), links
print(f"{sum(gpu.messages.values())} messages, {sum(gpu.arrows.values())} arrows, {sum(gpu.sums.values())} sums")
