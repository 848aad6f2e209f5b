"""Processes that fail to meet by UCX, and two that meet in spite of strangers."""

import os
import socket
import subprocess
import time

from ports import free_port


def start(rank, size, port, address="127.0.0.1", job="a", timeout=1):
    variables = {"RANK": rank, "WORLD_SIZE": size, "MASTER_ADDR": address,
                 "BITPIPE_PORT": port, "TORCHELASTIC_RUN_ID": job, "TIMEOUT": timeout,
                 "UCX_LOG_LEVEL": "fatal"}
    environment = {**os.environ, **{name: str(value) for name, value in variables.items()}}
    return subprocess.Popen(["network-test"], env=environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def wait_for_listener(port):
    """Connects to rank 0 as soon as it listens, and says something else."""
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port)) as stranger:
                stranger.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return
        except ConnectionRefusedError:
            time.sleep(0.01)


def show(title, process):
    print(f"{title}:\n{process.communicate()[0]}", end="")


def refused(title, *callers):
    """What the last of the callers says to a run of three in job a."""
    port = free_port()
    first = start(0, 3, port, timeout=60)
    wait_for_listener(port)
    processes = [start(port=port, timeout=60, **caller) for caller in callers]
    if len(processes) > 1:  # either of the two may be the second
        while all(process.poll() is None for process in processes):
            time.sleep(0.01)
        processes.sort(key=lambda process: process.poll() is None, reverse=True)
    show(title, processes[-1])
    for process in [first, *processes]:
        process.kill()
        process.wait()


def main():
    show("nobody calls", start(0, 3, free_port()))
    show("nobody listens", start(1, 3, free_port()))
    show("no such host", start(1, 3, free_port(), address="nowhere.invalid"))
    refused("another size", {"rank": 1, "size": 2})
    refused("another job", {"rank": 1, "size": 3, "job": "b"})
    refused("the same rank twice", {"rank": 1, "size": 3}, {"rank": 1, "size": 3})
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        show("the port is taken", start(0, 2, taken.getsockname()[1]))
    port = free_port()
    second = start(1, 2, port, timeout=60)
    time.sleep(0.5)  # it calls in vain
    first = start(0, 2, port, timeout=60)
    wait_for_listener(port)
    show("noise, and the first comes late", first)
    second.communicate()


main()
