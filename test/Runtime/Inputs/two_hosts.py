"""Trains a plan for two devices as two processes in two network namespaces; run by bench/slow_link.py, which makes them.

    two_hosts.py IN_A IN_B PLAN DATA FOLDER [OPTIONS OF bitpipe-run]

IN_A and IN_B run a command in the namespaces, whose addresses are $A and $B. What is saved must be the bits of threads.
"""
import os
import pathlib
import subprocess
import sys

in_a, in_b, plan, data, folder = sys.argv[1:6]
options = sys.argv[6:]
folder = pathlib.Path(folder)
folder.mkdir(parents=True, exist_ok=True)


def command(name, options):
    saved = folder / f"{name}.safetensors"
    saved.unlink(missing_ok=True)
    steps = [] if any(word.startswith("--steps=") for word in options) else ["--steps=8"]
    return ["bitpipe-run", plan, "--threads=1", f"--data={data}", *steps, f"--save={saved}", "--timeout=60", *options]


def start(rank, prefix):
    environment = {**os.environ, "RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": "0", "MASTER_ADDR": os.environ["A"],
                   "MASTER_PORT": "29500", "TORCHELASTIC_RUN_ID": "two hosts",
                   "UCX_TLS": "tcp"}  # they are on one host, where memory could be shared
    return subprocess.Popen([*prefix.split(), *command("hosts", options)], env=environment, stdout=subprocess.PIPE, text=True)


ranks = [start(0, in_a), start(1, in_b)]
outputs = [rank.communicate(timeout=300)[0] for rank in ranks]
assert [rank.returncode for rank in ranks] == [0, 0], outputs
unwritten = [word for word in options if not word.startswith(("--profile", "--trace", "--metrics"))]
subprocess.run(command("threads", unwritten), check=True, capture_output=True)
assert (folder / "hosts.safetensors").read_bytes() == (folder / "threads.safetensors").read_bytes()
print(outputs[0])
print("two hosts: the bits of threads")
