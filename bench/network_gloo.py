"""Latency and bandwidth of gloo between two processes, as network_bench.cpp measures
them; by PyTorch, which brings gloo.

    torchrun --standalone --nproc-per-node=2 bench/network_gloo.py
"""

import statistics
import time

import torch
import torch.distributed as dist

SIZES = [1 << 10, 16 << 10, 256 << 10, 4 << 20, 64 << 20]
WINDOW = 8


def latency(first, other):
    """Half of the median round trip of 8 bytes, in microseconds."""
    ping, times = torch.zeros(1, dtype=torch.int64), []
    for _ in range(2000):
        start = time.perf_counter()
        for send in (first, not first):
            (dist.send if send else dist.recv)(ping, other)
        times.append(time.perf_counter() - start)
    return statistics.median(times) / 2 * 1e6


def bandwidth(first, other, size):
    """GB/s one way, eight messages under way at a time."""
    buffers = [torch.ones(size, dtype=torch.uint8) for _ in range(WINDOW)]
    rounds = min(max((1 << 30) // (size * WINDOW), 2), 500)
    for i in range(-1, rounds):  # the first finds the memory
        if i == 0:
            start = time.perf_counter()
        start_one = dist.isend if first else dist.irecv
        for work in [start_one(buffer, other) for buffer in buffers]:
            work.wait()
    (dist.recv if first else dist.send)(torch.zeros(1), other)
    return rounds * WINDOW * size / (time.perf_counter() - start) / 1e9


def main():
    dist.init_process_group("gloo")
    torch.set_num_threads(1)
    first = dist.get_rank() == 0
    micros = latency(first, int(first))
    rates = [bandwidth(first, int(first), size) for size in SIZES]
    if first:
        print(f"gloo of PyTorch {torch.__version__}: {micros:.1f} us " +
              " ".join(f"{rate:.2f} GB/s" for rate in rates))
    dist.destroy_process_group()


main()
