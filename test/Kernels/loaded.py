"""Kernels as a shared object: those of the CPU, and those of a GPU that were compiled for the architecture "emulated",
whose grids test/Doubles runs."""

import ctypes
import os
import re
import shutil


def load(library, plan=None):
    """The kernels of a shared object; of an emulated GPU if there is the plan that describes them."""
    return GPUKernels(library, plan) if plan else CPUKernels(library)


class CPUKernels:
    def __init__(self, library):
        self.library = ctypes.CDLL(library)

    def units_of(self, name):
        """How many units a kernel has, and whether something is left to do behind them."""
        count, _, finishes = (ctypes.c_int64 * 3).in_dll(self.library, f"{name}_units")
        return count, finishes

    def run(self, name, pointers, parts=1):
        """Calls a kernel for its units in so many parts, the last one first."""
        arguments = (ctypes.c_void_p * len(pointers))(*pointers)
        count, finishes = self.units_of(name)
        edges = [count * part // parts for part in range(parts + 1)]
        calls = list(zip(edges, edges[1:]))[::-1] + [(count, count)] * finishes
        for begin, end in calls:
            self.library[name](arguments, ctypes.c_int64(begin), ctypes.c_int64(end))


class Range(ctypes.Structure):
    _fields_ = [("begin", ctypes.c_void_p), ("bytes", ctypes.c_int64)]


KERNEL = re.compile(r"pipe\.gpu_kernel @(\S+) extents \[(.*?)\] bytes (\d+) entries \[(.*?)\] grids \[(.*?)\] "
                    r"blocks \[(.*?)\] shared \[(.*?)\](?: scratch (\d+))?")


def numbers(text):
    return [int(number) for number in text.split(",") if number.strip()]


class GPUKernels:
    def __init__(self, library, plan):
        folder = os.path.dirname(shutil.which("bitpipe-opt"))
        self.grid = ctypes.CDLL(os.path.join(folder, "libbitpipe_grid.so"), ctypes.RTLD_GLOBAL)
        self.grid.bitpipe_run_grid.restype = ctypes.c_char_p
        self.library = ctypes.CDLL(library)
        self.kernels = {}
        self.backward = False  # the order in which threads have their turn
        self.globals = []
        if hasattr(self.library, "bitpipe_index_record"):  # lib/Runtime/ABI.h
            record = (ctypes.c_int64 * 5).in_dll(self.library, "bitpipe_index_record")
            self.globals.append(Range(ctypes.addressof(record), ctypes.sizeof(record)))
        for name, extents, _, entries, grids, blocks, shared, scratch in KERNEL.findall(open(plan).read()):
            launches = zip(re.findall(r'"(.*?)"', entries), numbers(grids), numbers(blocks), numbers(shared))
            self.kernels[name] = (numbers(extents), list(launches), int(scratch or 0))

    def units_of(self, name):
        return 1, 0

    def run(self, name, pointers, parts=1):
        """Runs the launches of a kernel, whose threads may touch what its arguments reach and nothing else, and in no order
        that CUDA does not promise."""
        extents, launches, scratch = self.kernels[name]
        pointers = list(pointers)
        ranges = [Range(pointer, extent) for pointer, extent in zip(pointers, extents, strict=True)]
        if scratch:
            memory = ctypes.create_string_buffer(b"\xff" * (scratch + 16))
            pointers.append((ctypes.addressof(memory) + 15) // 16 * 16)
            ranges.append(Range(pointers[-1], scratch))
        ranges += self.globals
        arguments = (ctypes.c_void_p * len(pointers))(*pointers)
        for entry, grid, block, shared in launches:
            needs_fibers = ctypes.c_int32.in_dll(self.library, f"{entry}_needs_fibers").value
            error = self.grid.bitpipe_run_grid(
                entry.encode(), self.library[entry], arguments, ctypes.c_int64(grid), ctypes.c_int64(block),
                ctypes.c_int64(shared), needs_fibers, int(self.backward), (Range * len(ranges))(*ranges), ctypes.c_int64(len(ranges)))
            if error:
                raise RuntimeError(error.decode())
