"""A training with dropouts, tables and bad data ends on several ranks as it does on threads.

    rank_endings.py FOLDER

The model has stages of all kinds: ids that a kernel checks in the first, dropouts in all. Whatever happens to a run, 2
and 4 processes have the exit code, the metrics, the complaint and the saved bits of one.
"""
import json
import pathlib
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
ROWS, WIDTH, BATCH, STEPS = 7, 16, 8, 5  # samples of a step: 4 micro-batches of 2
RANDOM = np.random.default_rng(0)


def build():
    """x + table[ids, or 0 below 0], four times a layer with dropout, the mean of squares."""
    weights = {"table": RANDOM.standard_normal((ROWS, WIDTH))}
    weights |= {f"w{i}": RANDOM.standard_normal((WIDTH, WIDTH)) / 4 for i in range(4)}
    constants = {"zero": np.int64(0), "ratio": np.float32(0.2), "on": np.array(True)}
    nodes = []

    def add(kind, *inputs, **attributes):
        nodes.append(helper.make_node(kind, inputs, [f"v{len(nodes)}"], name=f"{kind}{len(nodes)}", **attributes))
        return nodes[-1].output[0]

    h = add("Add", "x", add("Gather", "table", add("Where", add("Less", "ids", "zero"), "zero", "ids")))
    for i in range(4):
        h = add("Dropout", add("Tanh", add("MatMul", h, f"w{i}")), "ratio", "on")
    add("ReduceMean", add("Mul", h, h), keepdims=0)
    nodes[-1].output[0] = "loss"
    tensors = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    tensors += [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("ids", TensorProto.INT64, [2]),
                                           helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, WIDTH])],
                              [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    entry = model.metadata_props.add()
    entry.key, entry.value = "bitpipe.parameters", json.dumps(list(weights))
    onnx.save(model, folder / "model.onnx")
    subprocess.run(["bitpipe-opt", folder / "model.onnx", "--loss=loss", "--pipeline=bitpipe", "--devices=4",
                    "--microbatches=4", "-o", folder / "plan.mlir"], check=True, capture_output=True)


def ending(processes, limit, options):
    """What is left of a run: its exit code, metrics, complaint and saved bits."""
    saved, metrics = folder / "saved.safetensors", folder / "m.jsonl"
    for path in (saved, metrics):
        path.unlink(missing_ok=True)
    prefix = ["mpirun", "-n", str(processes)] if processes else []
    # The rank that makes the file; others only write into it.
    script = f'[ "${{OMPI_COMM_WORLD_RANK:-0}}" = 0 ] && {limit}\nexec "$@"' if limit else 'exec "$@"'
    done = subprocess.run([*prefix, "sh", "-c", script, "sh", "bitpipe-run", folder / "plan.mlir", "--threads=1",
                           f"--data={folder / 'data.safetensors'}", f"--steps={STEPS}", "--lr=0.1", "--seed=5",
                           f"--metrics={metrics}", f"--save={saved}", *options], capture_output=True, text=True, timeout=120)
    lines = [json.loads(line) for line in metrics.open()]
    kept = [{key: line.get(key) for key in ("step", "loss", "grad_norm", "skipped")} for line in lines]
    errors = [line.split("error: ", 1)[1] for line in done.stderr.splitlines() if "error: " in line]
    return done.returncode, kept, errors, saved.read_bytes() if saved.exists() else None


def compare(name, code, complaint, *options, limit=None, **spoil):
    ids = RANDOM.integers(-2, ROWS, STEPS * BATCH)
    x = RANDOM.standard_normal((STEPS * BATCH, WIDTH)).astype(np.float32)
    for step, value in spoil.get("x", {}).items():
        x[(step - 1) * BATCH + 5, 2] = value
    for step, value in spoil.get("ids", {}).items():
        ids[(step - 1) * BATCH + 3] = value
    save_file({"ids": ids, "x": x}, folder / "data.safetensors")
    threads = ending(0, limit, options)
    assert threads[0] == code and len(threads[2]) == bool(complaint), (name, threads[:3])
    assert not complaint or complaint in threads[2][0], (name, threads[2])
    for processes in (2, 4):
        got = ending(processes, limit, options)
        for what, a, b in zip(("exit code", "metrics", "complaint", "saved bits"), got, threads):
            assert a == b, f"{name}, {processes} processes: {what} {a}, expected {b}"
    print(f"{name}: exit {code} and the same bits", *threads[2], sep=", ")


def complain(processes):
    """Whichever rank comes first to an option that all refuse: rank 0 says so, before the launcher ends it."""
    script = '[ $OMPI_COMM_WORLD_RANK = 0 ] && sleep 0.3\nexec bitpipe-run "$@"'
    done = subprocess.run(["mpirun", "-n", str(processes), "sh", "-c", script, "sh", folder / "plan.mlir", "--data=none", "--steps=no"],
                          capture_output=True, text=True, timeout=120)
    complaints = done.stderr.count("--steps is 'no'")
    assert done.returncode == 2 and complaints == 1, (done.returncode, complaints, done.stderr)
    print(f"an option of {processes} processes: exit 2, said once")


build()
compare("dropout", 0, None)
compare("a step that is not finite", 0, None, x={3: np.nan})
compare("two steps that are not finite", 4, "ended at step 4 of 5, since 2 steps in a row", "--max-bad-steps=2",
        x={3: np.inf, 4: np.nan})
compare("an index outside", 1, "index 9 at [1] of", ids={3: 9})
compare("no space for the parameters", 1, "cannot write", limit="ulimit -f 1")
for processes in (2, 4):
    complain(processes)
