"""Checks that a trace names the work of both devices of the toy plan and that
pieces of work lie inside the run they belong to."""

import json
import sys

events = [e for e in json.load(open(sys.argv[1]))["traceEvents"] if e["ph"] == "X"]
for device in (0, 1):
    mine = [e for e in events if e["tid"] == device + 1 and e["cat"] != "step"]
    names = {e["name"] for e in mine}
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
