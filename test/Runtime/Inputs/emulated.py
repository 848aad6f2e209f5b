"""emulated.py FOLDER MODEL: several schedules on four emulated devices.

The compiler's report and the runtime's prediction name the same time of a step for the same file
of costs. A run takes at least that long, since no device is earlier than it is told; a busy
machine may take longer, but hardly twice as long. FOLDER gets the plans and files of costs.
"""

import json
import pathlib
import re
import subprocess
import sys

DEVICES = 4
folder, model = pathlib.Path(sys.argv[1]), sys.argv[2]


def write_costs(stages):
    """Uneven stages, a few milliseconds each."""
    path = folder / f"{stages}.json"
    times = []
    for stage in range(stages):
        f = 2e-3 * (1 + stage % 3 / 8)
        times.append({"F": f, "I": 1.1 * f, "W": 0.9 * f, "sum": 1e-3, "norm": 1e-4, "optimizer": 8e-4})
    path.write_text(json.dumps({"stages": times}))
    return path


def output(*command):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True).stdout


def check(schedule, launcher=()):
    plan = folder / f"{schedule}.mlir"
    output("bitpipe-opt", model, f"--pipeline={schedule}", f"--devices={DEVICES}", "--force", "-o", plan)
    for other in (".weights.safetensors", ".kernels.so"):
        plan.with_suffix(other).unlink()
    text = plan.read_text()
    stages = 1 + max(int(n) for n in re.findall(r"pipe\.execute F stage (\d+)", text))
    costs = write_costs(stages)
    report = output("bitpipe-opt", plan, f"--cost-file={costs}", "--emit=report")
    compiled = 1e3 * float(re.search(r"^step, one of many: (\S+),", report, re.M)[1])

    profile = folder / f"{schedule}.profile.json"
    run = output(*launcher, "bitpipe-run", plan, "--device=emulated", f"--cost-file={costs}", "--steps=5", "--predict",
                 f"--profile={profile}")
    row = re.search(r"^all +(\S+) +(\S+) +\S+ +(\S+) +(\S+) +\S+ +(\S+) +(\S+)", run, re.M)
    predicted, measured, _, idle, arena, used = (float(number) for number in row.groups())
    # The compiler knows nothing of messages between processes, which the run has measured.
    assert abs(predicted - compiled) <= (0.02 * compiled if launcher else 0.01), (schedule, predicted, compiled)
    slack = 3 if launcher else 2  # more threads, which are woken later
    assert predicted - 0.2 <= measured <= slack * predicted + 20, (schedule, predicted, measured)
    assert 0 <= idle <= measured, (schedule, idle)
    assert abs(arena - used) <= 0.05 * arena, (schedule, arena, used)

    # What was told comes back in the profile; devices are late, but never early.
    told, got = json.loads(costs.read_text())["stages"], json.loads(profile.read_text())["stages"]
    for one, other in zip(told, got, strict=True):
        for kind in "FIW":
            assert one[kind] - 1e-6 <= other[kind] <= 2 * one[kind], (schedule, kind, one, other)


for name in ("1f1b", "gpipe", "interleaved", "zb-h1", "zb-v", "dualpipe", "chimera", "bitpipe"):
    check(name)
# As processes, with what travels between them of the real size.
check("bitpipe", ["mpirun", "-n", 2])
check("1f1b", ["mpirun", "-n", 4])
