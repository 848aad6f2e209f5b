"""Makes a plan for GPUs out of one for processors, whose kernels it calls.

    python as_cuda.py cpu.mlir cuda.mlir

The plan has the arch "emulated". A kernel is one thread, which tells that it accesses all that its arguments
reach, written or read as the plan says of its blocks, and calls the kernel for processors. So the runtime for GPUs is
tested apart from the compiler's kernels for them. Offsets in arenas are multiplied by 4: multiples of 256.
"""
import ctypes
import os
import re
import subprocess
import sys

from plan_hash import digest


def kernels_of(text):
    """Name of every kernel with whether each argument is written."""
    kernels, writes = {}, []
    for line in text.splitlines():
        if "pipe.routine" in line:
            blocks = re.search(r"blocks \[([^\]]*)\]", line).group(1).count(",") + 1
            found = re.search(r"writes \[([^\]]*)\]", line)
            writes = [word.strip() == "true" for word in found.group(1).split(",")] if found else [True] * blocks
        if match := re.search(r'pipe.kernel "(\w+)" \[(.*?)\](?: |$)', line):
            arguments = [int(block) for block in re.findall(r"#pipe.ref<(\d+),", match.group(2))]
            mine = [writes[block] for block in arguments]
            before = kernels.get(match.group(1), mine)
            kernels[match.group(1)] = [a or b for a, b in zip(before, mine)]
    return kernels


def wrap(kernels, extents, library, target):
    source = ["void bitpipe_gpu_access(void *, long, int);"]
    for name, writes in kernels.items():
        accesses = "".join(f"  bitpipe_gpu_access(a[{i}], {bytes}, {int(written)});\n"
                           for i, (bytes, written) in enumerate(zip(extents[name], writes)) if bytes)
        source.append(f"void {name}(void *const *, long, long);\nextern const long {name}_units[];\n"
                      f"const int gpu_{name}_needs_fibers = 0;\nvoid gpu_{name}(void *const *a) {{\n{accesses}"
                      f"  {name}(a, 0, {name}_units[0]);\n"
                      f"  if ({name}_units[2])\n    {name}(a, {name}_units[0], {name}_units[0]);\n}}")
    with open(target + ".c", "w") as file:
        file.write("\n".join(source))
    subprocess.run(["clang-22", "-O1", "-shared", "-fPIC", "-fuse-ld=lld", "-Wl,-z,undefs", target + ".c", library,
                    "-o", target], check=True)


def main(source, target):
    with open(source) as file:
        text = file.read()
    library = os.path.abspath(source.removesuffix(".mlir") + ".kernels.so")
    kernels = kernels_of(text)
    loaded = ctypes.CDLL(library)
    extents = {}
    for name in kernels:
        count = ctypes.c_int64.in_dll(loaded, name + "_extents").value
        extents[name] = list((ctypes.c_int64 * (count + 1)).in_dll(loaded, name + "_extents"))[1:]
    wrapped = target.removesuffix(".mlir") + ".kernels.so"
    wrap(kernels, extents, library, wrapped)
    text = text.replace('target = "cpu"', 'target = "cuda", arch = "emulated"')
    text = re.sub(r'kernels = "[^"]*"', f'kernels = "{os.path.basename(wrapped)}"', text)
    text = re.sub(r'kernels_hash = "[^"]*"', f'kernels_hash = "{digest(wrapped)}"', text)
    text = re.sub(r'weights = "[^"]*"', f'weights = "{os.path.basename(source).removesuffix(".mlir")}.weights.safetensors"', text)
    text = re.sub(r"(pipe.program device \d+ arena )(\d+)", lambda m: m.group(1) + str(int(m.group(2)) * 4), text)
    text = re.sub(r"(pipe.slot .* offset )(\d+)", lambda m: m.group(1) + str(int(m.group(2)) * 4), text)
    ops = "".join(f'  pipe.gpu_kernel @{name} extents {extents[name]} bytes 0 entries ["gpu_{name}"] grids [1] '
                  f"blocks [1] shared [0]\n" for name in kernels)
    at = text.index("  pipe.routine")
    with open(target, "w") as file:
        file.write(text[:at] + ops + text[at:])


main(*sys.argv[1:])
