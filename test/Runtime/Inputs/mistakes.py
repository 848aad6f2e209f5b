"""Makes one mistake after the other with a toy plan and prints what bitpipe-run
says, which must be one line."""

import pathlib
import re
import shutil
import subprocess
import sys

import numpy
from safetensors.numpy import load_file, save_file

folder = pathlib.Path(sys.argv[1])
plan = (folder / "plan.mlir").read_text()
weights = (folder / "weights.safetensors").read_bytes()
kernels = (folder / "kernels.so").read_bytes()
data = load_file(folder / "data.safetensors")


def attempt(name, text=plan, file="data.safetensors", options=(), plan_file="edited.mlir"):
    (folder / "edited.mlir").write_text(text)
    result = subprocess.run(
        ["bitpipe-run", folder / plan_file, f"--data={folder / file}", "--steps=2", *options],
        capture_output=True, text=True, timeout=60)
    lines = result.stderr.splitlines()
    assert result.returncode in (1, 2), (name, result)
    assert len(lines) == 1, (name, lines)
    print(f"{name}: {lines[0]}" + " (exit 2)" * (result.returncode == 2))


def attempt_data(name, **changes):
    tensors = {k: v for k, v in {**data, **changes}.items() if v is not None}
    save_file(tensors, folder / "wrong.safetensors")
    attempt(name, file="wrong.safetensors")


def replaced(pattern, new, count=1):
    text, found = re.subn(pattern, new, plan, count=count)
    assert found, pattern
    return text


def relabelled(value):
    labels = data["labels"].copy()
    labels[3] = value
    return labels


attempt("no plan", plan_file="absent.mlir")
attempt("not a plan", "hello\n")
attempt("other version", replaced("version = 5", "version = 7"))
attempt("no value", replaced("loss = ", "lowest = array<i64: 0, 7>, loss = "))
attempt("other target", replaced('"cpu"', '"metal"'))
(folder / "weights.safetensors").write_bytes(weights[:-1] + b"?")
attempt("other weights")
(folder / "weights.safetensors").write_bytes(weights)
(folder / "kernels.so").write_bytes(kernels + b"?")
attempt("other kernels")
(folder / "kernels.so").write_bytes(kernels)
(folder / "weights.safetensors").unlink()
attempt("no weights")
(folder / "weights.safetensors").write_bytes(weights)
attempt("unknown kernel", replaced('"scale_0"', '"scale_7"'))
attempt("slot outside", replaced("offset 0 ", "offset 999936 "))
attempt("place outside", replaced(r"#pipe.ref<0, 0>", "#pipe.ref<0, 4>"))
attempt("kernel outside", replaced(r'("column_sums_0" \[#pipe.ref<0, 0>, #pipe.ref<3, )\d+', r"\g<1>164"))
attempt("kernel arguments", replaced(r'("scale_0" \[#pipe.ref<0, 0>), #pipe.ref<5, 0>', r"\1"))
attempt("strides overflow", replaced(r"\[12, 1\] by", "[4611686018427387904, 1] by"))
attempt("elements overflow", replaced("elements 96", "elements 4611686018427387904"))
attempt("shape overflows", replaced("tensor<12x8xf32>", "tensor<4611686018427387904x8xf32>"))
attempt("negative slot", replaced(r'"input" size 192', '"input" size -192'))
attempt("result overlaps", replaced(r"into (#pipe.ref<1, 0>) \[8, 1\]", r"into \1 [1, 1]"))
attempt("bias gradient", replaced("(accumulate)", r"\1 bias_gradient #pipe.ref<0, 0>"))
attempt("moments", replaced("moments 2 3", ""))
attempt("late run", replaced(r"(?s)(pipe.execute B stage 0 mb 3 [^\n]*\n)(.*?pipe.grad_norm [^\n]*\n)", r"\2\1"))
attempt("other processor", replaced('features = ""', 'features = "sse2,warp-drive,fma"'))
attempt("no processor", replaced('features = "", ', ""))
attempt("slot too small", replaced('"weights" size 384', '"weights" size 380').replace(
    'tensor<12x8xf32> slot 0', 'tensor<11x8xf32> slot 0').replace(
    'pipe.saved "first" : tensor<12x8xf32>', 'pipe.saved "first" : tensor<11x8xf32>').replace("elements 96", "elements 95"))
attempt("saved shape", replaced('pipe.saved "first" : tensor<12x8xf32>', 'pipe.saved "first" : tensor<13x8xf32>'))
attempt("saved twice", replaced('pipe.saved "second"', 'pipe.saved "first"'))
attempt("key too large", replaced('"seed" size 4', '"key" size 16 dropout 0 mb 0'))
attempt("key of nothing", replaced('"seed" size 4', '"key" size 8 mb 0'))
attempt("key of no micro-batch", replaced('"seed" size 4', '"key" size 8 dropout 0 mb 99'))
attempt("unknown slot", replaced(r"@forward0 \[\d+", "@forward0 [99"))
attempt("unknown routine", replaced(r"@forward0 \[", "@nowhere ["))

attempt("no data file", file="absent.safetensors")
attempt("data kind", file="kernels.c")
attempt_data("missing tensor", labels=None)
attempt_data("wrong shape", x=numpy.zeros((40, 13), numpy.float32))
attempt_data("wrong dtype", x=data["x"].astype(numpy.int64))
attempt_data("unequal counts", labels=data["labels"][:30])
attempt_data("label too large", labels=relabelled(5))
attempt_data("label negative", labels=relabelled(-1))
attempt_data("too short", x=data["x"][:15], labels=data["labels"][:15])
(folder / "wrong.safetensors").write_bytes((folder / "data.safetensors").read_bytes()[:100])
attempt("truncated", file="wrong.safetensors")
(folder / "text.txt").write_text("words " * 100)
attempt("token file", file="text.txt")

# A limit on the size of files stands for a full disk; its signal is ignored.
limited = subprocess.run(
    f"ulimit -f 0; exec bitpipe-run {folder}/plan.mlir --data={folder}/data.safetensors --steps=2 "
    f"--save={folder}/out.safetensors",
    shell=True, executable="/bin/bash", capture_output=True, text=True, timeout=60)
assert limited.returncode == 1 and limited.stderr.count("\n") == 1, limited
print("no space:", limited.stderr.strip())
attempt("no folder", options=[f"--save={folder}/absent/out.safetensors"])
left = [path.name for path in folder.iterdir() if "out.safetensors" in path.name]
print("left behind:", left or "none")
parameters = load_file(folder / "weights.safetensors")
save_file({**parameters, "bias": parameters["bias"][:4]}, folder / "other.safetensors")
attempt("loaded shape", options=[f"--load={folder}/other.safetensors"])

for name, option in (("save and trace", f"--trace={folder}/./out.safetensors"), ("save and data", ""),
                     ("save and load", f"--load={folder}/weights.safetensors")):
    target = {"save and data": "data.safetensors", "save and load": "weights.safetensors"}.get(name, "out.safetensors")
    attempt(name, options=[f"--save={folder / target}", *option.split()])
(folder / "hard.safetensors").hardlink_to(folder / "data.safetensors")
attempt("hard link", options=[f"--metrics={folder}/hard.safetensors"])
attempt("many trace steps", options=["--trace-steps=1e11", f"--trace={folder}/t.json"])
for option in ("--lr=", "--load=", "--save=", "--clip=", "--beta2=", "--lr=1e400", "--lr=inf", "--eps=1e-60", "--lr=x",
               "--lr=1e38", "--warmup=1.5", "--max-bad-steps=0", "--threads=0", "--threads=two", "--nothing=1", "--lr-schedule=sine"):
    attempt("option " + option, options=[option])
for options in ("--lr-min=0.1 --lr-schedule=linear", "--lr-min=0", "--lr-decay-steps=1 --lr-schedule=cosine", "--lr-schedule=wsd --warmup=2",
                "--lr-schedule=wsd --lr-decay-steps=3", "--lr-schedule=wsd --lr-decay-steps=0.5", "--weight-decay-for=none"):
    attempt("options " + options, options=options.split())
attempt("device option", options=["--device=metal"])
attempt("transport option", options=["--transport=nccl"])
for option in ("--steps=0",):
    result = subprocess.run(["bitpipe-run", folder / "plan.mlir", "--data=x", option], capture_output=True, text=True)
    print("steps option:", result.stderr.strip(), f"(exit {result.returncode})")
shutil.rmtree(folder / "absent", ignore_errors=True)
