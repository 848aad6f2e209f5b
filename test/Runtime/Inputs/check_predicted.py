"""check_predicted.py TRACE DEVICES: every device has a second row with what was predicted, below
its own, of the same runs."""

import json
import re
import sys

trace, devices = json.load(open(sys.argv[1]))["traceEvents"], int(sys.argv[2])
rows = {e["tid"]: e["args"]["name"] for e in trace if e["ph"] == "M" and e["name"] == "thread_name"}
order = sorted((e["args"]["sort_index"], rows[e["tid"]]) for e in trace
               if e["ph"] == "M" and e["name"] == "thread_sort_index")
names = [f"device {d}{what}" for d in range(devices) for what in ("", " predicted")]
assert [name for _, name in order] == names, order


def runs(row):
    """Names by step, without the first step."""
    steps = [e for e in trace if e["ph"] == "X" and rows[e["tid"]] == row and e["cat"] == "step"][1:]
    return [{e["name"] for e in trace if e["ph"] == "X" and rows[e["tid"]] == row and e["cat"] == "run"
             and re.match("[FBIWR] stage", e["name"])
             and step["ts"] - 1 <= e["ts"] < step["ts"] + step["dur"]} for step in steps]


for device in range(devices):
    measured, predicted = runs(f"device {device}"), runs(f"device {device} predicted")
    assert measured and measured[-1] and measured[-1] == predicted[-1], (device, measured, predicted)
assert all(e["ts"] >= -1e-3 for e in trace if e["ph"] == "X")
