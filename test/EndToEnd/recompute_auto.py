"""The stages that --recompute=auto takes, beside all sets of stages: whether a set fits is seen from its programs, and
how long it takes from its report.

    recompute_auto.py MODEL [bitpipe-opt options]
"""
import itertools
import re
import subprocess
import sys

model, *options = sys.argv[1:]
command = ["bitpipe-opt", model, *options]


def run(*more):
    return subprocess.run([*command, *more], capture_output=True, text=True)


def measured(stages):
    """Makespan, and MiB of the device that needs most."""
    done = run(f"--recompute={stages}", "--emit=report")
    assert done.returncode == 0, done.stderr
    memory = re.findall(r"^ *\d+(?: +\d+\.\d\d){8}$", done.stdout, re.M)
    assert memory, done.stdout
    return float(re.search(r"makespan ([\d.]+)", done.stdout)[1]), max(float(row.split()[-1]) for row in memory)


count = int(re.search(r"(\d+) stages", run("--emit=report").stdout)[1])
sets = {}
for size in range(count + 1):
    for stages in itertools.combinations(range(count), size):
        sets[",".join(map(str, stages)) or "none"] = measured(",".join(map(str, stages)) or "none")
most = max(memory for _, memory in sets.values())
least = min(memory for _, memory in sets.values())
assert least < most, "recomputing saves nothing"
checked = 0
for share in (-0.1, 0.02, 0.2, 0.5, 0.8, 1.02):
    # The table has hundredths of MiB, and a choice near one of them may go either way.
    limit = least + share * (most - least) + 0.005
    done = run("--recompute=auto", f"--memory={limit:.4f}M", "--emit=report")
    if share < 0:
        assert done.returncode == 1 and "even where all stages recompute" in done.stderr, done.stderr
        continue
    assert done.returncode == 0, done.stderr
    chosen = re.search(r"--recompute=auto: stages to recompute: (\S+);", done.stderr)[1]
    time, memory = measured(chosen)
    best = min((t for t, m in sets.values() if m < limit - 0.01), default=float("inf"))
    assert memory < limit + 0.01, f"{limit}: {chosen} needs {memory}"
    assert time <= best * (1 + 1e-9), f"{limit}: {chosen} takes {time}, but some set {best}"
    checked += 1
print(f"{checked} choices of {len(sets)} sets, none longer than the shortest that fits")
