"""Trains a model on doubles of CUDA's libraries with plans whose kernels are a fat binary, PTX and emulated, and tries fat
binaries that are wrong.

    python cuda_fat_binary.py BUILD MODEL_FOLDER ASSEMBLER_FOLDER SCRATCH_FOLDER

A GPU's code cannot run here: the emulated plan's kernels of the same names do. What the code must be for, and which kernels
it must have, the doubles take from it."""
import filecmp
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [os.path.join(HERE, ".."), os.path.join(HERE, "../Runtime/Inputs")]
from fat_binary import images  # noqa: E402
from plan_hash import digest  # noqa: E402

build, model, assembler, scratch = sys.argv[1:]


def path(name):
    return os.path.join(scratch, name)


def compile_plan(name, *options):
    done = subprocess.run(["bitpipe-opt", f"{model}/model.onnx", "--pipeline=1f1b", "--devices=2", "--target=cuda", "--microbatches=4",
                           *options, "-o", path(f"{name}.mlir")], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)


def launches(name):
    with open(path(f"{name}.mlir")) as file:
        return re.findall(r"^ *pipe.gpu_kernel.*", file.read(), re.M)


def change(name, kernels, right=True):
    """The plan `fat` with other kernels, and their hash if it is to be right."""
    target = path(f"{name}.kernels.fatbin")
    with open(target, "wb") as file:
        file.write(kernels)
    with open(path("fat.mlir")) as file:
        text = re.sub(r'kernels = "[^"]*"', f'kernels = "{name}.kernels.fatbin"', file.read())
    if right:
        text = re.sub(r'kernels_hash = "[^"]*"', f'kernels_hash = "{digest(target)}"', text)
    with open(path(f"{name}.mlir"), "w") as file:
        file.write(text)


def fat_binary(*specs):
    """Of these kinds and architectures, out of files."""
    made = path("made")
    subprocess.run([f"{assembler}/fatbinary", "--64", "--compress=false", f"--create={made}",
                    *(f"--image3=kind={kind},sm={arch},file={file}" for kind, arch, file in specs)], check=True)
    return read(made)


def read(file):
    with open(file, "rb") as opened:
        return opened.read()


def train(plan, saved, **variables):
    doubles = os.path.join(build, "bin/doubles")
    environment = dict(os.environ, BITPIPE_CUDA_DRIVER=f"{doubles}/libcuda.so.1", BITPIPE_CUBLASLT=f"{doubles}/libcublasLt.so.13",
                       BITPIPE_DOUBLES_KERNELS=f"{path('emulated.kernels.so')}:{build}/bin/libbitpipe_emulated_kernels.so",
                       **variables)
    command = ["bitpipe-run", path(f"{plan}.mlir"), f"--data={model}/data.safetensors", "--steps=3", "--clip=1.0", "--share-gpus",
               f"--save={path(saved)}", "--force"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    return done.returncode, [line for line in done.stderr.splitlines() if not line.startswith("doubles:")]


def same(what, plan, **variables):
    """Returns what the run warned of."""
    code, lines = train(plan, "saved", **variables)
    if code or not filecmp.cmp(path("saved"), path("expected"), shallow=False):
        sys.exit(f"{what}: exit {code}, expected the bits of emulated kernels\n" + "\n".join(lines))
    print(f"the same bits: {what}")
    return [line for line in lines if line.startswith("warning:")]


def refused(what, plan, **variables):
    code, lines = train(plan, "saved", **variables)
    if code != 1 or len(lines) != 1:
        sys.exit(f"{what}: exit {code}, {len(lines)} lines, expected exit 1 and one line\n" + "\n".join(lines))
    print(f"{what}: {lines[0]}")


compile_plan("emulated", "--arch=emulated")
compile_plan("fat", "--cubin=on", f"--cuda-path={assembler}")
compile_plan("text", "--cubin=off")
if not launches("fat") == launches("text") == launches("emulated"):
    sys.exit("plans launch other kernels")
if code := train("emulated", "expected")[0]:
    sys.exit(f"exit {code} with emulated kernels")
for warning in same("fat binary", "fat") + same("PTX", "text") + same("a newer GPU", "fat", BITPIPE_DOUBLES_ARCH="100"):
    sys.exit(f"unexpected: {warning}")
warnings = same("an older driver", "fat", BITPIPE_DOUBLES_DRIVER="12040")
print(next(line for line in warnings if "fat.kernels.fatbin" in line))

fat = read(path("fat.kernels.fatbin"))
for kind, _, code in images(fat):
    with open(path(kind), "wb") as file:
        file.write(code)
change("code", fat_binary(("elf", 90, path("elf"))))
compile_plan("hundred", "--cubin=on", "--arch=sm_100", f"--cuda-path={assembler}")
change("other", read(path("hundred.kernels.fatbin")))
change("cut", fat[:len(fat) // 2])
strange = path("strange.ptx")
with open(strange, "w") as file:
    file.write(".version 8.0\n.target sm_90\n.address_size 64\n.visible .entry strange() { ret; }\n")
subprocess.run([f"{assembler}/ptxas", "-arch=sm_90", strange, "-o", path("strange")], check=True)
change("strange", fat_binary(("elf", 90, path("strange"))))
change("changed", fat[:-1] + b"!", right=False)

refused("older GPU", "fat", BITPIPE_DOUBLES_ARCH="80")
refused("only for an older GPU", "code", BITPIPE_DOUBLES_ARCH="100")
refused("only for a newer GPU", "other")
refused("an older driver, no PTX", "code", BITPIPE_DOUBLES_DRIVER="12040")
refused("cut off", "cut")
refused("other kernels", "strange")
refused("changed", "changed")
