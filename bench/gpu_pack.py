"""Makes the folder that bench/gpu.sh takes to a machine with a GPU.

    python bench/gpu_pack.py FOLDER [--arch sm_90] [--layers 24 --hidden 1024 --sequence 1024 --vocabulary 50304]

In it: bitpipe-run and its libraries, plans of the test models in f32 and bf16 with their data and reference losses, and
plans of a GPT without its weights (gpu_weights.py)."""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys

import gpu_weights
import torch

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
BIN = ROOT / "build" / "bin"
sys.path[:0] = [str(ROOT / "python"), str(ROOT / "examples")]

MODELS = ["gpt2", "bert", "llama"]
CARRIED = ["libdnnl", "libstdc++", "libOpenCL", "libgomp", "libuc", "libnuma"]


def compile_plan(model, plan, arguments, *options):
    subprocess.run([BIN / "bitpipe-opt", model, "-o", plan, "--target=cuda", f"--arch={arguments.arch}", "--force", *options],
                   check=True, stderr=subprocess.DEVNULL)


def pack_models(folder, arguments):
    for name in MODELS:
        source = ROOT / "test/models" / name
        for file in ("data.safetensors", "reference.json"):
            shutil.copy(source / file, folder / f"{name}.{file}")
        for precision in ("f32", "bf16"):
            compile_plan(source / "model.onnx", folder / f"{name}-{precision}.mlir", arguments, "--pipeline=1f1b",
                         "--devices=1", "--microbatches=8", f"--precision={precision}")
        compile_plan(source / "model.onnx", folder / f"{name}-shared.mlir", arguments, "--pipeline=bitpipe", "--devices=4",
                     "--microbatches=8")


    compile_plan(ROOT / "test/models/gpt2/model.onnx", folder / "gpt2-pair.mlir", arguments, "--pipeline=1f1b", "--devices=2",
                 "--microbatches=8")
    for name, options in (("gpt2-stays", []), ("gpt2-offload", ["--offload=3"])):
        compile_plan(ROOT / "test/models/gpt2/model.onnx", folder / f"{name}.mlir", arguments, "--pipeline=1f1b", "--devices=4",
                     "--microbatches=8", *options)


def pack_printed(folder):
    """The program of gpt2, linked with the doubles of CUDA's libraries, which have the names of the real ones."""
    source = folder / "program.cpp"
    subprocess.run([BIN / "bitpipe-opt", folder / "gpt2-f32.mlir", "--emit=cuda", "-o", source, "--force"], check=True)
    subprocess.run(["clang++-22", "-std=c++20", "-I", ROOT, source, f"@{ROOT}/build/program.link", f"-L{BIN}/doubles",
                    "-l:libcuda.so.1", "-l:libcublasLt.so.13", "-l:libnccl.so.2", "-o", folder / "program"], check=True)


def pack_gpt(folder, arguments):
    import gpt
    from bitpipe.export import export

    size = dict(layers=arguments.layers, hidden=arguments.hidden, heads=arguments.hidden // 64, sequence=arguments.sequence,
                vocabulary=arguments.vocabulary)
    module = gpt.gpt(**size, tied=False)
    made = gpu_weights.fill(module)
    scratch = folder.parent / (folder.name + ".scratch")
    scratch.mkdir(exist_ok=True)
    ids = torch.zeros(arguments.microbatch, arguments.sequence, dtype=torch.int64)
    export(module, {"input_ids": ids}, scratch / "gpt.onnx", external_data=True, verify=False, force=True)
    plans = {"gpt-1": ["--pipeline=1f1b", "--devices=1"], "gpt-2": ["--pipeline=1f1b", "--devices=2"],
             "gpt-4": ["--pipeline=zb-v", "--devices=4"], "gpt-offload": ["--pipeline=gpipe", "--devices=1", "--offload=3"]}
    for name, options in plans.items():
        compile_plan(scratch / "gpt.onnx", scratch / f"{name}.mlir", arguments, *options, "--microbatches=4",
                     "--precision=bf16")
        gpu_weights.strip(scratch / f"{name}.weights.safetensors", made, folder / f"{name}.weights.json")
        for file in scratch.glob(f"{name}.*"):
            if not file.name.endswith(".weights.safetensors"):
                shutil.copy(file, folder)
    (folder / "gpt.json").write_text(json.dumps(dict(size, microbatch=arguments.microbatch, microbatches=4)))
    shutil.rmtree(scratch)


def pack_program(folder):
    (folder / "lib").mkdir()
    for file in ("bitpipe-run", "libbitpipe_ucx.so"):
        shutil.copy(BIN / file, folder)
        listed = subprocess.run(["ldd", BIN / file], capture_output=True, text=True, check=True).stdout
        for line in listed.splitlines():
            if any(name in line for name in CARRIED):
                shutil.copy(line.split("=>")[1].split()[0], folder / "lib")
    for file in ("gpu.sh", "gpu_run.py", "gpu_weights.py"):
        shutil.copy(HERE / file, folder)
    shutil.copy(ROOT / "examples/gpt.py", folder)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--arch", default="sm_90")
    for name, default in dict(layers=24, hidden=1024, sequence=1024, vocabulary=50304, microbatch=8).items():
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    if arguments.folder.exists():
        shutil.rmtree(arguments.folder)
    arguments.folder.mkdir(parents=True)
    pack_program(arguments.folder)
    pack_models(arguments.folder, arguments)
    pack_printed(arguments.folder)
    pack_gpt(arguments.folder, arguments)
    size = sum(file.stat().st_size for file in arguments.folder.rglob("*") if file.is_file())
    print(f"{arguments.folder}: {size / 2**20:.1f} MiB")


main()
