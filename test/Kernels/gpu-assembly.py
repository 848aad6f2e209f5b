"""Translates the kernels of models with ptxas, for every architecture that bitpipe compiles for: what spills registers
without being listed is reported, and what moves less than 16 bytes at once in a kernel wide_NAME, in the machine's own code
where there is nvdisasm. Without ptxas it says so, and fails where the environment has CI."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

ARCHITECTURES = "sm_80", "sm_90", "sm_100"
# Bytes that a kernel of a model may spill on an architecture, whatever its number in the plan: ptxas keeps one number of a
# sum beside its 40 registers there.
SPILLS = {("reduce", "sm_100"): 8}
ENTRY = re.compile(r"Compiling entry function '(\w+)'.*?(\d+) bytes spill stores, (\d+) bytes spill loads"
                   r".*?Used (\d+) registers", re.S)
failures = 0


def find_tool(name):
    """From the PATH, from PyPI's packages, or where the toolkit is installed."""
    folders = [os.path.join(folder, "nvidia", "cu13", "bin") for folder in sys.path]
    folders += [os.path.join(folder, "nvidia", "cuda_nvcc", "bin") for folder in sys.path]
    folders += ["/usr/local/cuda/bin", "/usr/local/cuda-13.0/bin"]
    return shutil.which(name) or next(filter(None, (shutil.which(name, path=folder) for folder in folders)), None)


def report(message):
    global failures
    print(message, file=sys.stderr)
    failures += 1


def assemble(tools, text, arch, what):
    """The registers of every launch."""
    ptxas, nvdisasm = tools
    with tempfile.TemporaryDirectory() as folder:
        cubin = os.path.join(folder, "cubin")
        ran = subprocess.run([ptxas, f"-arch={arch}", "-v", text, "-o", cubin], capture_output=True, text=True)
        if ran.returncode:
            report(f"{what}: ptxas fails: {ran.stderr.strip()[:300]}")
            return []
        if nvdisasm:
            code = subprocess.run([nvdisasm, "-c", cubin], capture_output=True, text=True, check=True).stdout
            check_wide(re.findall(r"^\.text\.(\w+):(.*?)(?=^//---|\Z)", code, re.S | re.M), r"\b(?:LDG|STG)\.\S+", r"\.(128|256)", what)
    kernels = [(name, int(stores) + int(loads), int(registers))
               for name, stores, loads, registers in ENTRY.findall(ran.stderr)]
    for name, spilled, _ in kernels:
        allowed = SPILLS.get((re.sub(r"(_\d+)+$", "", name), arch), 0)
        if spilled > allowed:
            report(f"{what}: {name} spills {spilled} bytes, expected at most {allowed}")
    return kernels


def check_wide(bodies, access, wide, what):
    """In kernels of sizes that vectors divide nothing of a row is loaded or stored by less than 16 bytes."""
    for name, body in bodies:
        for instruction in re.findall(access, body) if name.startswith("wide_") else []:
            if not re.search(wide, instruction):
                return report(f"{what}: {name} has {instruction}, expected 16 bytes")


def compile_kernels(program, arch, folder):
    text = os.path.join(folder, "kernels.ptx")
    subprocess.run(["bitpipe-opt", program, f"--pipe-compile-gpu-kernels=output={text} arch={arch}", "-o", os.devnull],
                   check=True)
    return text


def programs(arguments, folder):
    """Modules of level 3 with their names."""
    for path in arguments:
        if not path.endswith(".onnx"):
            yield os.path.basename(path), path
            continue
        for precision in "f32", "bf16":
            model = os.path.basename(os.path.dirname(path))
            program = os.path.join(folder, f"{model}-{precision}.mlir")
            subprocess.run(["bitpipe-opt", path, "--pipeline=1f1b", "--devices=2", f"--precision={precision}",
                            "--emit=program", "-o", program], check=True, capture_output=True)
            yield f"{model} in {precision}", program


def main():
    ptxas = find_tool("ptxas")
    if not ptxas:
        print("found no ptxas, so that kernels for GPUs are not translated; PyPI's nvidia-cuda-nvcc has one")
        sys.exit("CI" in os.environ)
    with tempfile.TemporaryDirectory() as folder:
        for what, program in programs(sys.argv[1:], folder):
            for arch in ARCHITECTURES:
                text = compile_kernels(program, arch, folder)
                kernels = assemble((ptxas, find_tool("nvdisasm")), text, arch, f"{what} for {arch}")
                entries = re.findall(r"\.entry (\w+)\((.*?)\n}", open(text).read(), re.S)
                check_wide(entries, r"(?:ld|st)\.global\S*", r"\.(v4\.b32|v8\.b32|v2\.b64|v4\.b64)", f"{what} for {arch}")
                most = max((registers for _, _, registers in kernels), default=0)
                print(f"{what} for {arch}: {len(kernels)} launches, at most {most} registers")
                if not kernels:
                    report(f"{what} for {arch}: no kernel")
    sys.exit(failures != 0)


main()
