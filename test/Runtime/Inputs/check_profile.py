"""check_profile.py PROFILE PLAN [REPORT]: the profile has all that a run measures; with a
report of the plan for it, what devices hold together is what their arenas take."""

import json
import re
import sys

profile = json.load(open(sys.argv[1]))
plan = open(sys.argv[2]).read()
assert list(profile)[0] == "written_by", profile
stages = profile["stages"]
assert len(stages) == 1 + max(int(n) for n in re.findall(r"pipe\.execute F stage (\d+)", plan))
for stage in stages:
    for key in ("F", "B", "I", "W", "activation", "state", "sum", "norm", "optimizer"):
        assert 0 < stage[key], (key, stage)
    assert abs(stage["I"] + stage["W"] - stage["B"]) < 1e-6 * stage["B"], stage
    assert stage["F"] < 10, "seconds"
# Activations of one micro-batch go from stage to stage, nothing behind the last.
assert stages[0]["message"] == stages[1]["message"] > stages[-1]["message"] == 0, stages
assert profile["feed"] > 0
arenas = [int(n) for n in re.findall(r"pipe\.program device \d+ arena (\d+)", plan)]
assert len(arenas) == len(profile["buffers"]) == 2, arenas
if len(sys.argv) > 3:
    rows = re.findall(r"^(\d+) +(\S+) +(\S+) +(\S+) +any$", open(sys.argv[3]).read(), re.M)
    for (device, _, _, together), arena in zip(rows, arenas, strict=True):
        assert abs(float(together) - arena) <= 1e-5 * arena, (device, together, arena)
