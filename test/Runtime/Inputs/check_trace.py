"""Checks that a trace names the work of both devices of the toy plan and that
pieces of work lie inside the run they belong to."""

import json
import sys

trace = json.load(open(sys.argv[1]))["traceEvents"]
events = [e for e in trace if e["ph"] == "X"]
assert all(e["pid"] == 1 and e["tid"] >= 1 for e in trace)
assert {e["args"]["name"] for e in trace if e["ph"] == "M" and "name" in e["args"]} >= {"device 0", "device 1"}
# Every arrow begins with a send and ends in the run that needs the tensor.
ends = {phase: {e["id"]: e for e in trace if e["ph"] == phase} for phase in "sf"}
assert len(ends["s"]) == len(ends["f"]) == 4 * 2 * 4, len(ends["s"])  # steps, directions, micro-batches


def at(end, category):
    return [e["name"] for e in events if e["tid"] == end["tid"] and e["cat"] == category
            and e["ts"] - 1e-3 <= end["ts"] <= e["ts"] + e["dur"]]


for number, begin in ends["s"].items():
    name, end = begin["name"], ends["f"][number]
    kind, _, stage, _, mb = name.split()
    user = f"{kind} stage {int(stage) + (1 if kind == 'F' else -1)} mb {mb}"
    assert any(n.startswith(f"send {name} to") for n in at(begin, "messages")), (begin, at(begin, "messages"))
    assert user in at(end, "run") and begin["ts"] <= end["ts"], (end, user)
for device in (0, 1):
    mine = [e for e in events if e["tid"] == device + 1 and e["cat"] != "step"]
    names = {e["name"] for e in mine}
    assert {f"step {i}" for i in (1, 2, 3, 4)} <= {e["name"] for e in events if e["tid"] == device + 1}
    for name in ("F stage 0 mb %d" % device, "B stage 1 mb %d" % (1 - device),
                 "matmul 4x8x12", "scale_0", "gradient norm", "update stages [0]",
                 "send F stage 0 mb %d to %d" % (device, 1 - device)):
        assert name in names, (name, names)
    ends = sorted((e["ts"], e["ts"] + e["dur"]) for e in mine if e["cat"] != "waiting" and "stage" not in e["name"])
    for (_, end), (begin, _) in zip(ends, ends[1:]):
        assert begin >= end - 0.01, (end, begin)
    runs = [e for e in mine if e["name"].startswith("F stage 0")]
    inner = [e for e in mine if e["name"] == "matmul 4x8x12"]
    for run in runs:
        assert any(run["ts"] - 0.01 <= e["ts"] and e["ts"] + e["dur"] <= run["ts"] + run["dur"] + 0.01 for e in inner)
