"""Compiles with programs in the place of ptxas and fatbinary that go wrong, and prints a line for each.

    python assembler_errors.py ASSEMBLER_FOLDER MODEL SCRATCH_FOLDER

Where compiling fails no file may be left."""
import os
import shutil
import subprocess
import sys

assembler, model, scratch = sys.argv[1:]
os.makedirs(scratch)
plan = os.path.join(scratch, "plan.mlir")
version = 'case "$1" in --version) echo "release 1.2, V1.2.3"; exit;; esac; '


def attempt(what, *options, **variables):
    bitpipe = shutil.which("bitpipe-opt")
    command = [bitpipe, model, "--pipeline=gpipe", "--devices=1", "--target=cuda", "-o", plan, *options]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, **variables))
    lines = [line for line in done.stderr.splitlines() if "error" in line or line.startswith("kernels ")]
    left = sorted(os.listdir(scratch))
    if len(lines) != 1 or (done.returncode and any(name.startswith("plan") for name in left)):
        sys.exit(f"{what}: expected one line and, after an error, no plan\n{done.stderr}\n{left}")
    print(f"{what}: exit {done.returncode}: {lines[0]}")
    for name in left:
        if name.startswith("plan"):
            os.remove(os.path.join(scratch, name))


def folder(name, ptxas="", fatbinary=""):
    """One with shell scripts, or the real programs where there is none."""
    path = os.path.join(scratch, name)
    os.makedirs(path)
    for tool, script in (("ptxas", ptxas), ("fatbinary", fatbinary)):
        target = os.path.join(path, tool)
        if not script:
            os.symlink(os.path.join(assembler, tool), target)
            continue
        with open(target, "w") as file:
            file.write(f"#!/bin/sh\n{script}\n")
        os.chmod(target, 0o755)
    return path


def broken(what, **scripts):
    attempt(what, f"--cuda-path={folder(what.replace(' ', '-'), **scripts)}")


nothing = {"PATH": "/nonexistent", "CUDA_HOME": "/nonexistent"}
attempt("none", **nothing)
attempt("none, and on", "--cubin=on", **nothing)
home = os.path.join(scratch, "home")
os.makedirs(home)
os.symlink(assembler, os.path.join(home, "bin"))
attempt("CUDA_HOME", **nothing | {"CUDA_HOME": home})
prefix = os.path.join(scratch, "prefix")
os.makedirs(os.path.join(prefix, "bin"))
os.symlink(sys.executable, os.path.join(prefix, "bin", "python3"))
os.makedirs(os.path.join(prefix, "lib/python3.99/site-packages/nvidia/cu99"))
os.symlink(assembler, os.path.join(prefix, "lib/python3.99/site-packages/nvidia/cu99/bin"))
attempt("package", **nothing | {"PATH": os.path.join(prefix, "bin")})
alone = folder("alone")
os.remove(os.path.join(alone, "fatbinary"))
attempt("ptxas alone", f"--cuda-path={alone}")
damaged = folder("damaged", ptxas=":")
with open(os.path.join(damaged, "ptxas"), "wb") as file:
    file.write(b"\x7fELF, but no program")
attempt("ptxas that does not run", f"--cuda-path={damaged}")
broken("ptxas without a version", ptxas="echo version unknown")
broken("ptxas that fails", ptxas=version + "echo ptxas info : first; echo ptxas fatal : out of luck >&2; exit 255")
broken("ptxas that is killed", ptxas=version + "kill -9 $$")
broken("ptxas for another GPU", ptxas=f'case "$1" in --version) exec {assembler}/ptxas "$1";; esac; shift 2; exec {assembler}/ptxas -arch=sm_100 "$@"')
real = f'{assembler}/fatbinary "$@"; for word; do case $word in --create=*) made=${{word#--create=}};; esac; done; '
broken("fatbinary that cuts off", fatbinary=real + 'truncate -s -1 "$made"')
broken("fatbinary that writes nothing", fatbinary="exit 0")
broken("fatbinary without PTX", fatbinary=f'exec {assembler}/fatbinary "$1" "$2" "$3" "$4"')
broken("fatbinary without machine code", fatbinary=f'exec {assembler}/fatbinary "$1" "$2" "$3" "$5"')
broken("fatbinary that compresses", fatbinary=f'exec {assembler}/fatbinary "$1" --compress-all "$3" "$4" "$5"')
