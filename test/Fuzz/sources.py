"""The kinds of file that are fuzzed: how a good one is made, and what is run on a changed one."""
import importlib
import json
import os
import subprocess
import sys

import mutators
import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh
from safetensors.numpy import save_file

ROWS, SEQUENCE, WIDTH, WORDS, BATCH = 8, 4, 6, 11, 2
OPT = ["model.onnx", "--pipeline=bitpipe", "--devices=2", "--microbatches=4", "-o", "plan.mlir"]
# Files to change are made by the plain build.
BUILT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/bin")
OPT_TOOL, RUN_TOOL = (os.path.join(BUILT, tool) for tool in ("bitpipe-opt", "bitpipe-run"))
RUN = ["plan.mlir", "--data=data.safetensors", "--steps=2"]


def make_model():
    """Table, product, normalisation, softmax, gate, reshapes: a little of everything, two layers of it."""
    random = np.random.default_rng(1)
    weight = lambda name, *shape: nh.from_array(random.normal(0, 0.3, shape).astype(np.float32), name)
    tensors = [weight("table", WORDS, WIDTH), weight("head", WIDTH, WORDS), nh.from_array(np.array([0, 0, -1], np.int64), "shape"),
               nh.from_array(np.float32(0.5), "half")]
    nodes = [h.make_node("Gather", ["ids", "table"][::-1], ["x0"], name="embed")]
    for i in range(2):
        tensors += [weight(f"w{i}", WIDTH, WIDTH), weight(f"b{i}", WIDTH), weight(f"s{i}", WIDTH)]
        nodes += [h.make_node("LayerNormalization", [f"x{i}", f"s{i}", f"b{i}"], [f"n{i}"], axis=-1, name=f"norm{i}"),
                  h.make_node("MatMul", [f"n{i}", f"w{i}"], [f"m{i}"], name=f"product{i}"),
                  h.make_node("Reshape", [f"m{i}", "shape"], [f"r{i}"], name=f"reshape{i}"),
                  h.make_node("Transpose", [f"r{i}"], [f"t{i}"], perm=[0, 2, 1], name=f"transpose{i}"),
                  h.make_node("MatMul", [f"r{i}", f"t{i}"], [f"q{i}"], name=f"scores{i}"),
                  h.make_node("Mul", [f"q{i}", "half"], [f"h{i}"], name=f"scale{i}"),
                  h.make_node("Softmax", [f"h{i}"], [f"p{i}"], axis=-1, name=f"softmax{i}"),
                  h.make_node("MatMul", [f"p{i}", f"r{i}"], [f"a{i}"], name=f"mix{i}"),
                  h.make_node("Sigmoid", [f"a{i}"], [f"g{i}"], name=f"gate{i}"),
                  h.make_node("Mul", [f"a{i}", f"g{i}"], [f"u{i}"], name=f"gated{i}"),
                  h.make_node("Add", [f"x{i}", f"u{i}"], [f"x{i + 1}"], name=f"residual{i}")]
    nodes.append(h.make_node("MatMul", ["x2", "head"], ["logits"], name="head"))
    graph = h.make_graph(nodes, "fuzzed", [h.make_tensor_value_info("ids", T.INT64, [BATCH, SEQUENCE])],
                         [h.make_tensor_value_info("logits", T.FLOAT, [BATCH, SEQUENCE, WORDS])], tensors)
    return h.make_model(graph, opset_imports=[h.make_opsetid("", 21)], ir_version=10)


def write_data(folder):
    random = np.random.default_rng(2)
    save_file({"ids": random.integers(0, WORDS, (ROWS, SEQUENCE)), "labels": random.integers(0, WORDS, (ROWS, SEQUENCE))},
              os.path.join(folder, "data.safetensors"))
    random.integers(0, WORDS, 200).astype(np.uint16).tofile(os.path.join(folder, "data.bin"))
    np.save(os.path.join(folder, "data.npy"), random.integers(0, WORDS, 200))


def read(folder, name, mode="rb"):
    with open(os.path.join(folder, name), mode) as file:
        return file.read()


def write(folder, name, data):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode(errors="surrogateescape"))


def change_file(random, folder, name, textual):
    """Changes a file, mostly as what it is, sometimes as mere bytes."""
    data = read(folder, name)
    if textual and random.randrange(4):
        write(folder, name, mutators.change_text(random, data.decode(errors="surrogateescape")))
    else:
        write(folder, name, mutators.change_bytes(random, data))


class Model:
    """An ONNX file, changed as a graph or as bytes; compiled, and trained if it compiles."""

    @staticmethod
    def prepare(folder):
        onnx.save(make_model(), os.path.join(folder, "model.onnx"))
        write_data(folder)

    @staticmethod
    def mutate(random, folder):
        model = onnx.load(os.path.join(folder, "model.onnx"))
        if random.randrange(4):
            mutators.change_model(random, model)
            onnx.save(model, os.path.join(folder, "model.onnx"))
        else:
            change_file(random, folder, "model.onnx", False)
        loss = random.choice(["auto", "auto", "cross-entropy"])
        return [["bitpipe-opt", *OPT, f"--loss={loss}"], ["bitpipe-run", *RUN]]


class Cases(Model):
    """Two operators with their attributes, of the cases that are held to PyTorch (test/Operators)."""

    @staticmethod
    def prepare(folder):
        sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Operators"))
        Cases.all = [case for case in importlib.import_module("table").all_cases() if case.expect == "ok"]

    @staticmethod
    def mutate(random, folder):
        of = importlib.import_module("case")
        first = random.choice(Cases.all)
        second = random.choice([case for case in Cases.all if case.opset == first.opset])
        whole = of.Model([of.Variant(case, random.randrange(2)) for case in (first, second)])
        save_file(whole.data(1), os.path.join(folder, "data.safetensors"))
        model = whole.proto()
        mutators.change_model(random, model)
        onnx.save(model, os.path.join(folder, "model.onnx"))
        return [["bitpipe-opt", "model.onnx", "--pipeline=gpipe", "--devices=1", "--microbatches=1", "-o", "plan.mlir",
                 "--loss=loss"], ["bitpipe-run", *RUN]]


class Compiled(Model):
    """A plan with all its files."""

    @staticmethod
    def prepare(folder):
        Model.prepare(folder)
        subprocess.run([OPT_TOOL, *OPT], cwd=folder, check=True, capture_output=True)


class Levels(Model):
    """IR of some level, given back to bitpipe-opt."""

    levels = ["graph", "stages", "plan", "program"]

    @staticmethod
    def prepare(folder):
        Model.prepare(folder)
        for level in Levels.levels:
            subprocess.run([OPT_TOOL, *OPT[:-1], f"{level}.mlir", f"--emit={level}"], cwd=folder,
                           check=True, capture_output=True)

    @staticmethod
    def mutate(random, folder):
        name = random.choice(Levels.levels) + ".mlir"
        change_file(random, folder, name, True)
        goal = random.choice([["-o", "new.mlir"], ["--emit=report"], ["--emit=program"], ["--emit=timeline"]])
        return [["bitpipe-opt", name, *goal]]


class Plan(Compiled):
    """That plan, or one of slices with copies in bf16."""

    @staticmethod
    def prepare(folder):
        Compiled.prepare(folder)
        subprocess.run([OPT_TOOL, *OPT[:-1], "slices.mlir", "--shard=parameters", "--precision=bf16"], cwd=folder, check=True,
                       capture_output=True)

    @staticmethod
    def mutate(random, folder):
        name = random.choice(["plan.mlir", "slices.mlir"])
        change_file(random, folder, name, True)
        return [["bitpipe-run", name, *RUN[1:]]]


class Weights(Compiled):
    """Parameters to load, as --save writes them."""

    @staticmethod
    def prepare(folder):
        Compiled.prepare(folder)
        subprocess.run([RUN_TOOL, *RUN, "--save=weights.safetensors"], cwd=folder, check=True,
                       capture_output=True)

    @staticmethod
    def mutate(random, folder):
        change_safetensors(random, folder, "weights.safetensors")
        return [["bitpipe-run", *RUN, "--load=weights.safetensors"]]


def change_safetensors(random, folder, name):
    data = read(folder, name)
    size = int.from_bytes(data[:8], "little")
    if random.randrange(4) == 0:
        return write(folder, name, mutators.change_bytes(random, data))
    header = json.dumps(mutators.change_json(random, json.loads(data[8:8 + size]))).encode()
    if random.randrange(4) == 0:
        header = mutators.change_text(random, header.decode()).encode(errors="replace")
    write(folder, name, len(header).to_bytes(8, "little") + header + data[8 + size:])


class Tensors(Compiled):
    @staticmethod
    def mutate(random, folder):
        change_safetensors(random, folder, "data.safetensors")
        return [["bitpipe-run", *RUN]]


class Tokens(Compiled):
    @staticmethod
    def mutate(random, folder):
        name = random.choice(["data.bin", "data.npy"])
        change_file(random, folder, name, False)
        return [["bitpipe-run", "plan.mlir", f"--data={name}", "--steps=2", *random.choice([[], ["--shuffle"]])]]


class TextFile:
    """A file of options for schedules, in views and in a comparison of schedules."""

    name = good = option = None

    @classmethod
    def prepare(cls, folder):
        write(folder, cls.name, cls.good)

    @classmethod
    def mutate(cls, random, folder):
        change_file(random, folder, cls.name, True)
        view = random.choice(["report", "schedule", "timeline", "trace"])
        return [["bitpipe-opt", f"{cls.option}={cls.name}", f"--emit={view}"]]


class Orders(TextFile):
    name, option = "order.csv", "--schedule"

    @classmethod
    def prepare(cls, folder):
        made = subprocess.run([OPT_TOOL, "--pipeline=zb-v", "--devices=2", "--microbatches=4",
                               "--emit=schedule"], check=True, capture_output=True)
        write(folder, cls.name, made.stdout)


class Moves(Orders):
    """An order whose activations move."""

    name = "moves.csv"

    @classmethod
    def prepare(cls, folder):
        made = subprocess.run([OPT_TOOL, "--pipeline=bpipe", "--devices=4", "--microbatches=4", "--emit=schedule"],
                              check=True, capture_output=True)
        write(folder, cls.name, made.stdout)


class Routes(TextFile):
    name, option, good = "routes.txt", "--routes", "0 1 1 0 : 0 2 4 6\n1 0 0 1 : 1 3 5 7\n"


class Costs(TextFile):
    name, option = "costs.json", "--cost-file"
    good = json.dumps({"stages": {"F": 1, "B": 2, "activation": 3, "message": 1, "state": 5}, "memory": 90,
                       "links": {"latency": 0.1, "bandwidth": 20, "pairs": [{"from": 0, "to": 1, "latency": 0.2, "bandwidth": 9}]}})

    @classmethod
    def mutate(cls, random, folder):
        if random.randrange(3):
            write(folder, cls.name, json.dumps(mutators.change_json(random, json.loads(read(folder, cls.name)))))
            return [["bitpipe-opt", "--devices=2", f"{cls.option}={cls.name}", "--emit=report"]]
        return super().mutate(random, folder)


KINDS = {"onnx": Model, "operators": Cases, "ir": Levels, "plan": Plan, "weights": Weights, "tokens": Tokens, "tensors": Tensors,
         "orders": Orders, "moves": Moves, "routes": Routes, "costs": Costs}
