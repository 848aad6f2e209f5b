"""Whether a trace has two arrows for every activation that moves: from the message that evicts it to that which gives it back,
on the device that keeps it, and from that to the gradient that reads it.

    move_arrows.py PLAN TRACE"""
import json
import re
import sys

moves = set(re.findall(r"pipe\.transmit E stage (\d+) mb (\d+) ", open(sys.argv[1]).read()))
trace = json.load(open(sys.argv[2]))["traceEvents"]
steps = len({event["name"] for event in trace if event.get("cat") == "step"})


# Copies of GPUs are on rows of their hosts.
rows = {event["tid"]: event["args"]["name"] for event in trace if event["name"] == "thread_name"}


def device(end):
    return rows[end["tid"]].split()[-1]


def at(end):
    """What goes on where an arrow begins or ends."""
    return {event["name"] for event in trace if event["ph"] == "X" and event["tid"] == end["tid"]
            and event["ts"] - 1e-3 <= end["ts"] <= event["ts"] + event["dur"] + 1e-3}


ends = {event["id"]: event for event in trace if event["ph"] == "f"}
arrows = {(kind, *move): 0 for kind in "EG" for move in moves}
for begin in (event for event in trace if event["ph"] == "s"):
    kind, _, stage, _, microbatch = begin["name"].split()
    if kind not in "EG":
        continue
    end, user = ends[begin["id"]], f"stage {stage} mb {microbatch}"
    expected = {f"send G {user} to {device(begin)}"} if kind == "E" else {f"B {user}", f"I {user}"}
    assert expected & at(end), (begin, end, at(end))
    assert any(name.startswith(f"send {kind} {user} to") for name in at(begin)), (begin, at(begin))
    assert begin["ts"] <= end["ts"], (begin, end)
    arrows[kind, stage, microbatch] += 1
assert moves and all(count == steps for count in arrows.values()), arrows
print(f"{len(moves)} moves, each with two arrows in each of {steps} steps")
