"""Feeds the two tools one wrong input of each kind.

    python errors.py compile|run MODEL_FOLDER

Every case must end with the exit code it names, print exactly one line that holds the given words (a list of lines
where several things are wrong), and leave no new file behind.
"""
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper
from safetensors.numpy import load_file, save_file

failures = []


def case(name, command, words, code=1, lines=1, folder="."):
    before = set(os.listdir(folder))
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    errors = [line for line in done.stderr.splitlines() if "error:" in line]
    problems = []
    if done.returncode != code:
        problems.append(f"exit {done.returncode}, expected {code}")
    if len(errors) != lines:
        problems.append(f"{len(errors)} error lines, expected {lines}")
    problems += [f"no '{word}'" for word in words if not re.search(word, "\n".join(errors))]
    left = set(os.listdir(folder)) - before
    if left:
        problems.append(f"left behind: {sorted(left)}")
    if problems:
        failures.append(name)
        print(f"{name}: {'; '.join(problems)}\n  {' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def opt(model, *options):
    return ["bitpipe-opt", model, "-o", "p.mlir", *options]


def small_graph(nodes, outputs, path, dims=(2, 4)):
    """A model of the given nodes on one float input x and one parameter w[4, 4]."""
    weight = helper.make_tensor("w", TensorProto.FLOAT, [4, 4], np.eye(4, dtype=np.float32).flatten())
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, dims)],
                              [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs], [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), path)


def compile_cases(folder, scratch):
    model = os.path.join(folder, "model.onnx")
    at = lambda name: os.path.join(scratch, name)
    here = lambda *args, **kw: case(*args, folder=scratch, **kw)
    here("missing model", opt("none.onnx"), ["none.onnx", "[Nn]o such file"])
    with open(model, "rb") as file:
        data = file.read()
    with open(at("cut.onnx"), "wb") as file:
        file.write(data[: len(data) // 2])
    here("truncated model", opt("cut.onnx"), ["cut.onnx", "truncated|end"])
    with open(at("text.onnx"), "w") as file:
        file.write("this is no model\n" * 40)
    shutil.copy(at("text.onnx"), at("text.txt"))
    here("not ONNX", opt("text.onnx"), ["text.onnx", "ONNX"])
    small_graph([helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("Xyzzy", ["a"], ["b"], name="first"),
                 helper.make_node("Plugh", ["b"], ["logits"], name="second")], ["logits"], at("unknown.onnx"))
    done = subprocess.run(opt("unknown.onnx"), capture_output=True, text=True, cwd=scratch)
    for word in ("Xyzzy", "first", "Plugh", "second"):
        if word not in done.stderr:
            failures.append("unsupported operators")
            print(f"unsupported operators: no '{word}' in\n{done.stderr}")
    small_graph([helper.make_node("MatMul", ["x", "w"], ["logits"])], ["logits"], at("symbolic.onnx"), ("batch", 4))
    here("symbolic dimension", opt("symbolic.onnx", "--pipeline=gpipe", "--devices=1"), ["batch", "--dim=batch="])
    here("odd D", opt(model, "--pipeline=bitpipe-published", "--devices=3"), ["3", "even"])
    here("N no multiple of D", opt(model, "--pipeline=bitpipe-published", "--devices=4", "--microbatches=6"), ["6", "multiple of"])
    here("too many stages", opt(model, "--pipeline=gpipe", "--devices=1024", "--microbatches=1"), ["1024", "stages"])
    here("too little memory", opt(model, "--memory=100K"), ["device", "102400|100 ?K"])
    here("nothing to train", opt(model, "--freeze=.*"), ["no parameter is trained", "expected"])
    os.mkfifo(at("fifo"))
    here("output is no file", ["bitpipe-opt", model, "-o", "fifo"], ["fifo", "regular file"])
    shutil.copy(model, at("copy.onnx"))
    for name in ("copy.onnx", "x.safetensors", "x.SO"):
        here(f"output {name}", ["bitpipe-opt", "copy.onnx", "-o", name], [name, "expected"], code=2)
    with open(at("graph.mlir"), "w") as file:
        subprocess.run(["bitpipe-opt", model, "--emit=graph"], stdout=file, check=True)
    here("output is the input", ["bitpipe-opt", "graph.mlir", "--emit=stages", "--force", "-o", "graph.mlir"],
         ["graph.mlir", "another"])
    external = onnx.load(model)
    onnx.save(external, at("external.onnx"), save_as_external_data=True, location="p.weights.safetensors", size_threshold=0)
    here("output is the model's data", opt("external.onnx", "--force"), ["p.weights.safetensors", "another"])
    here("somebody's weights", opt("external.onnx"), ["p.weights.safetensors", "not written by bitpipe", "--force"])
    os.remove(at("p.weights.safetensors"))
    with open(at("old.svg"), "w") as file:
        file.write("<!-- written by bitpipe -->\nold")
    here("failing view", ["bitpipe-opt", "--emit=timeline", "--pipeline=gpipe", "--cost-file=none.json", "-o", "old.svg"], ["none.json"])
    here("bad cost", opt(model, "--cost=F=x"), ["--cost", "F=x", "expected"], code=2)
    with open(at("old.svg")) as file:
        if not file.read().endswith("\nold") or not stat.S_ISFIFO(os.stat(at("fifo")).st_mode):
            failures.append("what was there is lost")
    here("neither ONNX nor IR", opt("text.txt", "--pipeline=gpipe"), ["text.txt:1: error"])
    here("unknown schedule", opt(model, "--pipeline=nosuch"), ["nosuch", "expected"], code=1)
    here("unknown option", ["bitpipe-opt", model, "--pipelin=x", "-o", "p.mlir"], ["pipelin"], code=2)
    here("no output", ["bitpipe-opt", model], ["-o"], code=2)


def run_cases(folder, scratch):
    data = os.path.join(folder, "data.safetensors")
    tensors = load_file(data)
    at = lambda name: os.path.join(scratch, name)
    subprocess.run(opt(os.path.join(folder, "model.onnx"), "--pipeline=1f1b", "--devices=2", "--microbatches=4"),
                   cwd=scratch, check=True)
    go = lambda plan="p.mlir", data=data, *more: ["bitpipe-run", plan, f"--data={data}", "--steps=1", *more]
    here = lambda *args, **kw: case(*args, folder=scratch, **kw)

    def changed(name, **changes):
        save_file({**{k: v for k, v in tensors.items() if k not in changes},
                   **{k: v for k, v in changes.items() if v is not None}}, at(name))
        return name

    here("missing plan", go("none.mlir"), ["none.mlir"])
    here("missing data", go(data="none.safetensors"), ["none.safetensors"])
    ids, labels = tensors["input_ids"].copy(), tensors["labels"].copy()
    ids[3, 5] = 96
    here("token out of range", go(data=changed("ids.safetensors", input_ids=ids)), ["input_ids", "96"])
    labels[2, 1] = -7
    here("label out of range", go(data=changed("labels.safetensors", labels=labels)), ["labels", "-7"])
    here("wrong dtype", go(data=changed("dtype.safetensors", input_ids=tensors["input_ids"].astype(np.float32))),
         ["input_ids", "[Ff]32|float"])
    here("wrong shape", go(data=changed("shape.safetensors", input_ids=tensors["input_ids"][:, :15].copy())),
         ["input_ids", "15", "16"])
    here("no labels", go(data=changed("none-labels.safetensors", labels=None)), ["labels"])
    here("too short", go(data=changed("short.safetensors", **{k: v[:4].copy() for k, v in tensors.items()})), ["4", "8"])
    for name, ending in (("weights", "weights.safetensors"), ("kernels", "kernels.so")):
        for kind in ("mlir", "weights.safetensors", "kernels.so"):
            shutil.copy(at(f"p.{kind}"), at(f"q.{kind}"))
        with open(at("p.mlir")) as file:
            text = file.read()
        with open(at(f"p.{ending}"), "r+b") as file:
            file.seek(-3, os.SEEK_END)
            byte = file.read(1)
            file.seek(-3, os.SEEK_END)
            file.write(bytes([byte[0] ^ 1]))
        here(f"{name} do not belong", go(), [f"p.{ending}", "hash|belong"])
        shutil.copy(at(f"q.{ending}"), at(f"p.{ending}"))
    lines = text.splitlines(keepends=True)
    sends = [i for i, line in enumerate(lines) if "pipe.transmit F stage 0 mb" in line]
    lines[sends[0]], lines[sends[1]] = lines[sends[1]], lines[sends[0]]
    with open(at("swapped.mlir"), "w") as file:
        file.writelines(lines)
    here("sends swapped", go("swapped.mlir"), ["swapped.mlir"])
    with open(at("lost.mlir"), "w") as file:
        file.writelines(line for line in text.splitlines(keepends=True) if "pipe.transmit F stage 0 mb 1 " not in line)
    here("send lost", go("lost.mlir"), ["would block", "waits for F stage 0 mb 1", "sends F stage 0 mb 2"])
    # Device 0 sends its activations only when the step is over: device 1 never begins.
    lines = text.splitlines(keepends=True)
    sends = [line for line in lines if "pipe.transmit F stage 0 mb" in line]
    rest = [line for line in lines if line not in sends]
    end = next(i for i, line in enumerate(rest) if "pipe.grad_norm" in line)
    with open(at("blocked.mlir"), "w") as file:
        file.writelines(rest[:end] + sends + rest[end:])
    here("plan blocks", go("blocked.mlir"), ["would block", "waits for"])
    # A limit on the size of files stands for a full disk: the same write fails, and needs no mount.
    save = " ".join(go("p.mlir", data, "--save=s.safetensors"))
    here("no space left", ["bash", "-c", f"ulimit -f 64; exec {save}"], ["s.safetensors", "too large|[Nn]o space"])
    os.mkfifo(at("fifo"))
    here("save is no file", go("p.mlir", data, "--save=fifo"), ["fifo", "regular file"])
    here("own weights", go("p.mlir", data, "--save=p.weights.safetensors"),
         ["p.weights.safetensors", "another"], code=2)
    for option in ("--save", "--metrics", "--trace"):
        here(f"{option} over somebody's file", go("p.mlir", data, f"{option}=lost.mlir"),
             ["lost.mlir", "holds IR", "--force"])
    here("unwritable folder", go("p.mlir", data, "--save=none/x.safetensors"), ["none/x.safetensors"])
    here("bad option", go("p.mlir", data, "--stepz=1"), ["stepz"], code=2)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        {"compile": compile_cases, "run": run_cases}[sys.argv[1]](os.path.abspath(sys.argv[2]), scratch)
    if failures:
        sys.exit(f"{len(failures)} cases failed: {', '.join(failures)}")
