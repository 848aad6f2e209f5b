"""Runs a plan for GPUs where something is missing, and prints a line for each.

    python cuda_errors.py BUILD FOLDER DATA
"""
import os
import pty
import re
import subprocess
import sys

build, folder, data = sys.argv[1:]
doubles = os.path.join(build, "bin/doubles")
here = {"BITPIPE_CUDA_DRIVER": f"{doubles}/libcuda.so.1", "BITPIPE_CUBLASLT": f"{doubles}/libcublasLt.so.13"}


def attempt(what, *options, plan="plan.mlir", **variables):
    steps = [] if "--steps=6" in options else ["--steps=1"]
    command = ["bitpipe-run", f"{folder}/{plan}", f"--data={data}", *steps, *options]
    result = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, **(here | variables)))
    lines = [line for line in result.stderr.splitlines() if not line.startswith("doubles:")]
    if result.returncode != 1 or len(lines) != 1:
        sys.exit(f"{what}: exit {result.returncode}, {len(lines)} lines, expected exit 1 and one line\n{result.stderr}")
    print(f"{what}: {lines[0]}")


attempt("no driver", BITPIPE_CUDA_DRIVER="absent.so")
attempt("old driver", BITPIPE_DOUBLES_DRIVER="11080")
attempt("no GPU", BITPIPE_DOUBLES_DEVICES="0")
attempt("no cuBLASLt", "--share-gpus", BITPIPE_CUBLASLT="absent.so")
attempt("old cuBLASLt", "--share-gpus", BITPIPE_DOUBLES_CUBLASLT_VERSION="110501")
attempt("cuBLASLt does not start", "--share-gpus", BITPIPE_DOUBLES_CUBLASLT="no start")
attempt("other library", BITPIPE_CUDA_DRIVER=f"{folder}/cpu.kernels.so")
attempt("too few GPUs")
attempt("no peers", BITPIPE_DOUBLES_DEVICES="2", BITPIPE_DOUBLES_NO_PEERS="1")
attempt("no memory", "--share-gpus", BITPIPE_DOUBLES_MEMORY="2000000")
attempt("older GPU", "--share-gpus", plan="newer.mlir")
for what, asked in (("wait", "wait:2"), ("graph", "graph:1"), ("launch", "launch:300")):
    attempt(f"an illegal access at a {what}", "--share-gpus", "--steps=6", "--timeout=20", BITPIPE_DOUBLES_FAIL=asked)
attempt("an illegal access without a graph", "--share-gpus", "--steps=6", "--no-graph", BITPIPE_DOUBLES_FAIL="wait:3")


def fail_on_terminal(asked):
    """The line of progress is not ended when the error comes."""
    terminal, end = pty.openpty()
    command = ["bitpipe-run", f"{folder}/plan.mlir", f"--data={data}", "--steps=9", "--share-gpus"]
    process = subprocess.Popen(command, stdout=end, stderr=end, env=dict(os.environ, **here, BITPIPE_DOUBLES_FAIL=asked))
    os.close(end)
    shown = b""
    while True:
        try:
            shown += os.read(terminal, 4096)
        except OSError:
            break
    if process.wait() != 1 or not re.search(rb"s left   (doubles: [^\r\n]*\r\n)?\r\nerror: device ", shown):
        sys.exit(f"terminal: exit {process.wait()}, expected 1 and a line of its own behind the progress\n{shown.decode()}")


fail_on_terminal("wait:3")
attempt("other device", "--device=cpu")
attempt("no GPU asked for", "--share-gpus", plan="cpu.mlir")
attempt("threads", "--share-gpus", "--threads=2")


def attempt_on_ranks(what, where="true", **variables):
    """Two processes, of which those with `where` in their shell get other variables. What one lacks ends both."""
    names = " ".join(f"export {name}={value};" for name, value in variables.items())
    script = f'if {where}; then {names} fi; exec "$@"'
    command = ["mpirun", "-n", "2", "sh", "-c", script, "sh", "bitpipe-run", f"{folder}/plan.mlir", f"--data={data}", "--steps=1"]
    usual = here | {"BITPIPE_NCCL": f"{doubles}/libnccl.so.2", "BITPIPE_DOUBLES_DEVICES": "2", "BITPIPE_DOUBLES_EXCHANGE": folder}
    result = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, **usual), timeout=60)
    lines = [line for line in result.stderr.splitlines() if "error: " in line]
    if result.returncode != 1 or len(lines) != 1:
        sys.exit(f"{what}: exit {result.returncode}, {len(lines)} lines, expected exit 1 and one line\n{result.stderr}")
    print(f"{what}: {lines[0]}")


second = '[ "$OMPI_COMM_WORLD_RANK" = 1 ]'
attempt_on_ranks("no driver on rank 1", second, BITPIPE_CUDA_DRIVER="absent.so")
attempt_on_ranks("no NCCL on rank 1", second, BITPIPE_NCCL="absent.so")
attempt_on_ranks("old NCCL", BITPIPE_DOUBLES_NCCL_VERSION="21005")
attempt_on_ranks("older NCCL on rank 1", second, BITPIPE_DOUBLES_NCCL_VERSION="2804")
attempt_on_ranks("no GPU for rank 1", BITPIPE_DOUBLES_DEVICES="1")
attempt_on_ranks("a small GPU on rank 1", second, BITPIPE_DOUBLES_MULTIPROCESSORS="8")


def fail_on_rank(what, launcher, asked, *options):
    """One of two processes meets what a kernel has done: it says so and ends with 1, the other one says who has ended."""
    rank = "${OMPI_COMM_WORLD_RANK:-$RANK}"
    script = f'if [ {rank} = 1 ]; then export BITPIPE_DOUBLES_FAIL={asked}; fi; "$@"; code=$?; echo "exit $code of {rank}" >> {folder}/codes.txt; exit $code'
    open(f"{folder}/codes.txt", "w").close()
    command = [*launcher, "sh", "-c", script, "sh", "bitpipe-run", f"{folder}/plan.mlir", f"--data={data}", "--steps=8", *options]
    usual = here | {"BITPIPE_NCCL": f"{doubles}/libnccl.so.2", "BITPIPE_DOUBLES_DEVICES": "2", "BITPIPE_DOUBLES_EXCHANGE": folder}
    result = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, **usual), timeout=60)
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    codes = sorted(open(f"{folder}/codes.txt").read().splitlines())
    if codes != ["exit 1 of 1", "exit 5 of 0"] or len(lines) != 2:
        sys.exit(f"{what}: {codes}, {len(lines)} lines, expected exit 5 of rank 0, 1 of rank 1 and a line of each\n{result.stderr}")
    print(f"{what}:", *sorted(lines))


mpirun = ["mpirun", "-n", "2"]
fail_on_rank("an illegal access on rank 1", mpirun, "wait:2")
fail_on_rank("an illegal access of a graph on rank 1", mpirun, "graph:1")
fail_on_rank("an illegal access on rank 1 without a graph", mpirun, "wait:3", "--no-graph")
