"""Trains a plan as processes in two network namespaces; run by bench/slow_link.py, which makes them.

    two_hosts.py IN_A IN_B PLAN DATA FOLDER [--per-host=1] [OPTIONS OF bitpipe-run]

IN_A and IN_B run a command in the namespaces, whose addresses are $A and $B, and in each of which there are as many processes.
What is saved must be the bits of threads. Says how many bytes went over the link from A.
"""
import argparse
import os
import pathlib
import subprocess

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("in_a")
parser.add_argument("in_b")
parser.add_argument("plan")
parser.add_argument("data")
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--per-host", type=int, default=1)
given, options = parser.parse_known_args()
in_a, in_b, plan, data, folder = given.in_a, given.in_b, given.plan, given.data, given.folder
folder.mkdir(parents=True, exist_ok=True)


def command(name, options):
    saved = folder / f"{name}.safetensors"
    saved.unlink(missing_ok=True)
    steps = [] if any(word.startswith("--steps=") for word in options) else ["--steps=8"]
    return ["bitpipe-run", plan, "--threads=1", f"--data={data}", *steps, f"--save={saved}", "--timeout=60", *options]


def start(rank):
    prefix = in_a if rank < given.per_host else in_b
    environment = {**os.environ, "RANK": str(rank), "WORLD_SIZE": str(2 * given.per_host), "LOCAL_RANK": str(rank % given.per_host),
                   "MASTER_ADDR": os.environ["A"], "MASTER_PORT": "29500", "TORCHELASTIC_RUN_ID": "two hosts",
                   "UCX_TLS": "tcp"}  # they are on one host, where memory could be shared
    return subprocess.Popen([*prefix.split(), *command("hosts", options)], env=environment, stdout=subprocess.PIPE, text=True)


def sent():
    """Bytes that have left the first namespace, whose device has its name."""
    counter = f"/sys/class/net/{in_a.split()[-1]}/statistics/tx_bytes"
    return int(subprocess.run([*in_a.split(), "cat", counter], check=True, capture_output=True, text=True).stdout)


before = sent()
ranks = [start(rank) for rank in range(2 * given.per_host)]
outputs = [rank.communicate(timeout=300)[0] for rank in ranks]
assert not any(rank.returncode for rank in ranks), outputs
over_link = sent() - before
unwritten = [word for word in options if not word.startswith(("--profile", "--trace", "--metrics"))]
subprocess.run(command("threads", unwritten), check=True, capture_output=True)
assert (folder / "hosts.safetensors").read_bytes() == (folder / "threads.safetensors").read_bytes()
print(outputs[0])
print(f"{over_link} bytes over the link")
print("two hosts: the bits of threads")
