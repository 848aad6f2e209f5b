"""Ports that nobody listens to, for those who are told where to listen.

They are below those that the system gives to connections: of these one may be taken by the time that somebody comes to bind it.
"""
import itertools
import pathlib
import random
import socket


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count):
    given = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    below = range(max(given - 10_000, 1024), given)
    return list(itertools.islice(filter(is_free, random.sample(below, len(below))), count))


def free_port():
    return free_ports(1)[0]
