"""Where a traced run's time went: by kind of work, and by stage.

    python bench/trace_summary.py trace.json
"""

import collections
import json
import re
import statistics
import sys

RUN = re.compile(r"([FBIWR]) stage (\d+) mb \d+")


class Summary:
    """`kinds` holds seconds by kind of work, over all devices; `waiting` the
    share of its time that each device waited, by the device's name in the trace;
    `stages` the median milliseconds of each run of each stage, as stages[2]["F"]."""

    def __init__(self, events):
        self.kinds = collections.Counter()
        busy, idle = collections.Counter(), collections.Counter()
        runs = collections.defaultdict(lambda: collections.defaultdict(list))
        names = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
        beside = re.compile("(messages|sums|host) of ")
        for event in events:
            if event["ph"] != "X" or event["cat"] == "step":  # A step spans all that is in it.
                continue
            run = RUN.fullmatch(event["name"])
            if run:  # Spans the calls inside it, which count themselves.
                runs[int(run[2])][run[1]].append(event["dur"] / 1e3)
                continue
            if beside.match(names[event["tid"]]):  # What a GPU exchanges takes none of its time.
                continue
            self.kinds[event["cat"]] += event["dur"] / 1e6
            counter = idle if event["cat"] == "waiting" else busy
            counter[event["tid"]] += event["dur"]
        self.waiting = {names[thread]: idle[thread] / (idle[thread] + busy[thread])
                        for thread in sorted(busy)}
        self.stages = {stage: {kind: statistics.median(times)
                               for kind, times in sorted(runs[stage].items())}
                       for stage in sorted(runs)}


def read(path):
    with open(path) as file:
        return Summary(json.load(file)["traceEvents"])


def advice(stages):
    """Which cut would be better, in words."""
    totals = {stage: sum(kinds.values()) for stage, kinds in stages.items()}
    mean = statistics.mean(totals.values())
    slowest = max(totals, key=totals.get)
    over = totals[slowest] / mean - 1
    if over < 0.05:
        return f"stages are even: the slowest, {slowest}, takes {over:.0%} more than the mean"
    neighbours = [s for s in (slowest - 1, slowest + 1) if s in totals]
    taker = min(neighbours, key=totals.get)
    return (f"stage {slowest} takes {over:.0%} more than the mean: a cut that hands "
            f"{totals[slowest] - mean:.1f} ms of it to stage {taker} would be better")


def show(summary):
    total = sum(summary.kinds.values())
    print("kind of work            seconds   share")
    for kind, seconds in summary.kinds.most_common():
        print(f"{kind:22} {seconds:8.3f}  {seconds / total:6.1%}")
    for device, share in summary.waiting.items():
        print(f"{device} waits {share:.1%} of its time")
    for stage, kinds in summary.stages.items():
        print(f"stage {stage}: " + ", ".join(f"{k} {ms:.2f} ms" for k, ms in kinds.items()))
    if len(summary.stages) > 1:
        print(advice(summary.stages))


if __name__ == "__main__":
    show(read(sys.argv[1]))
