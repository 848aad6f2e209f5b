"""Two processes with a GPU each: messages that are lost, and steps that take long.

    python cuda_hangs.py BUILD FOLDER DATA
"""
import os
import re
import subprocess
import sys

build, folder, data = sys.argv[1:]
doubles = os.path.join(build, "bin/doubles")
usual = {"BITPIPE_CUDA_DRIVER": f"{doubles}/libcuda.so.1", "BITPIPE_CUBLASLT": f"{doubles}/libcublasLt.so.13",
         "BITPIPE_NCCL": f"{doubles}/libnccl.so.2", "BITPIPE_DOUBLES_DEVICES": "2",
         "BITPIPE_DOUBLES_EXCHANGE": folder}
warm_ups = 1  # sends of a rank before the first step
timeout = 4  # seconds, for machines that are busy, too


def run(*options, on_rank_1=None, ranks=2, **variables):
    names = " ".join(f"export {name}={value};" for name, value in (on_rank_1 or {}).items())
    script = f'if [ "$OMPI_COMM_WORLD_RANK" = 1 ]; then {names or "true;"} fi; exec "$@"'
    launcher = ["mpirun", "-n", str(ranks), "sh", "-c", script, "sh"] if ranks > 1 else []
    command = [*launcher, "bitpipe-run", f"{folder}/plan.mlir", f"--data={data}", *options]
    return subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, **usual | variables), timeout=200)


def lost(what, send, *options):
    """A send of rank 1 is left out: the report says what is waited for, and of whom."""
    result = run("--steps=8", f"--timeout={timeout}", *options, on_rank_1={"BITPIPE_DOUBLES_LOSE": str(warm_ups + send)})
    lines = result.stderr.splitlines()
    begin = next((i for i, line in enumerate(lines) if line.startswith("error: rank 0 gives up")), None)
    if result.returncode != 5 or begin is None:
        sys.exit(f"{what}: exit {result.returncode}, expected 5 and a report\n{result.stderr}")
    report = []
    for line in lines[begin:]:
        report.append(line.strip())
        if line.startswith("everything waits for") or line.startswith("devices wait for"):
            break
    print(f"{what}: " + " | ".join(report))


lost("the first message", 0)
lost("a message of a graph", 5)
lost("a message without a graph", 9, "--no-graph")

# A step takes longer than --timeout: what is between two messages does not.
milliseconds = 8
for what, ranks, options in ("two processes", 2, ()), ("no graph", 2, ("--no-graph",)), ("one process", 1, ("--share-gpus",)):
    metrics = f"{folder}/m.jsonl"
    result = run("--steps=2", f"--timeout={timeout}", f"--metrics={metrics}", "--force", *options, ranks=ranks,
                 BITPIPE_DOUBLES_SLOW=str(milliseconds))
    times = [float(re.search(r'"step_seconds":\s*([0-9.e+-]+)', line).group(1)) for line in open(metrics)]
    if result.returncode != 0 or len(times) != 2 or min(times) < timeout + 0.2:
        sys.exit(f"long steps, {what}: exit {result.returncode}, steps of {times} s, expected exit 0 and steps longer than --timeout={timeout}\n{result.stderr}")
    print(f"long steps: {what}")
