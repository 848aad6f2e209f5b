"""Two network namespaces on this machine with a slow link between them, for as long as the script runs.

    slow_link.py [--delay=20] [--rate=100] -- COMMAND...

Runs COMMAND with {a} and {b} replaced by what runs a program in either namespace ("ip netns exec ..."), and with A and B
set to the namespaces' addresses. The link is a pair of TUN devices between which this script carries packets: each leaves
after those before it at RATE Mbit/s and arrives DELAY ms later. Needs root.
"""
import argparse
import collections
import fcntl
import os
import select
import struct
import subprocess
import sys
import threading
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
ADDRESSES = "10.98.0.1", "10.98.0.2"


def run(*command):
    subprocess.run(command, check=True)


def make_side(name, address, other):
    """A namespace with a TUN device; returns the device's file."""
    run("ip", "netns", "add", name)
    file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    run("ip", "link", "set", name, "netns", name)
    inside = ("ip", "netns", "exec", name, "ip")
    run(*inside, "link", "set", "lo", "up")
    run(*inside, "addr", "add", address, "peer", other, "dev", name)
    run(*inside, "link", "set", name, "mtu", "8000", "txqueuelen", "10000", "up")
    return file


class Direction:
    """Packets on their way from one file to another."""

    def __init__(self, target, delay, rate):
        self.target, self.delay, self.rate = target, delay, rate
        self.free = 0.0  # when the wire is
        self.packets = collections.deque()  # (arrival, packet)

    def add(self, packet, now):
        self.free = max(now, self.free) + len(packet) * 8 / self.rate
        self.packets.append((self.free + self.delay, packet))

    def deliver(self, now):
        while self.packets and self.packets[0][0] <= now:
            try:
                os.write(self.target, self.packets.popleft()[1])
            except BlockingIOError:
                pass  # a full queue loses packets, as networks do

    def next(self):
        return self.packets[0][0] if self.packets else float("inf")


def carry(files, delay, rate, stopping):
    directions = {files[0]: Direction(files[1], delay, rate), files[1]: Direction(files[0], delay, rate)}
    while not stopping.is_set():
        pause = min(direction.next() for direction in directions.values()) - time.monotonic()
        ready, _, _ = select.select(files, [], [], min(max(pause, 0), 0.1))
        now = time.monotonic()
        for file in ready:
            try:
                while True:
                    directions[file].add(os.read(file, 65536), now)
            except BlockingIOError:
                pass
        for direction in directions.values():
            direction.deliver(now)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay", type=float, default=20, help="ms")
    parser.add_argument("--rate", type=float, default=100, help="Mbit/s")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    command = [word for word in options.command if word != "--"]
    names = f"bpa{os.getpid()}", f"bpb{os.getpid()}"
    stopping, files, thread = threading.Event(), [], None
    try:
        for name, address, other in zip(names, ADDRESSES, reversed(ADDRESSES)):
            files.append(make_side(name, address, other))
        thread = threading.Thread(target=carry, args=(files, options.delay / 1e3, options.rate * 1e6, stopping))
        thread.start()
        words = [word.format(a=f"ip netns exec {names[0]}", b=f"ip netns exec {names[1]}") for word in command]
        environment = {**os.environ, "A": ADDRESSES[0], "B": ADDRESSES[1]}
        return subprocess.run(words, env=environment).returncode
    finally:
        stopping.set()
        if thread:
            thread.join()
        for name in names:
            subprocess.run(["ip", "netns", "del", name])


if __name__ == "__main__":
    sys.exit(main())
