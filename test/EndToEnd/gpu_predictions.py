"""Whether a run was predicted from a profile, with numbers for every device.

    gpu_predictions.py OUTPUT PROFILE DEVICES"""
import math
import re
import sys

text, profile, devices = open(sys.argv[1]).read(), sys.argv[2], int(sys.argv[3])
head, table = text.split("\npredicted from ")[0], text.split("\npredicted from ")[1]
assert table.startswith(f"{profile}, measured"), table
rows = re.findall(r"^(\d+|all) +(\S+) +(\S+) +\S+ +(\S+) +(\S+) +", table, re.M)
assert [row[0] for row in rows] == [*map(str, range(devices)), "all"], table
for _, step, measured, idle, waited in rows:
    assert float(step) > 0 and float(measured) > 0, table
    assert 0 <= float(idle) < float(step) and all(math.isfinite(float(one)) for one in (step, measured, idle, waited)), table
