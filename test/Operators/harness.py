"""Runs variants of cases through bitpipe-opt and bitpipe-run, many in one model, and says which are wrong and how."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile

import ml_dtypes
import numpy as np
import onnx
import onnxruntime
import torch
from safetensors.numpy import load_file, save_file

from case import Model

RATE = 2.0**20  # a step this long leaves the gradient's digits in what is saved, not the parameter's
SUM_TOLERANCE = 1e-4  # of the loss, which all outputs are in
OPTIONS = ["--pipeline=gpipe", "--devices=1", "--microbatches=1"]


class Failure(Exception):
    """kind: refused, crash, hang or wrong; variant: the number of the one at fault, None if that is not known."""

    def __init__(self, kind, text, variant=None):
        super().__init__(text)
        self.kind, self.text, self.variant = kind, text, variant


def command(words, seconds):
    """Runs a tool for at most so many seconds of processor time, so that a busy machine fails nothing."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", preexec_fn=limit)
    if done.returncode == 0:
        return
    if -done.returncode in (signal.SIGXCPU, signal.SIGKILL):
        raise Failure("hang", f"{os.path.basename(words[0])} gave no answer in {seconds} s")
    errors = [line for line in done.stderr.splitlines() if "error" in line.lower()] or done.stderr.splitlines()
    text = re.sub(r"^\S*?error: ", "", (errors or ["no message"])[0])[:300]
    found = re.search(r"<(\d+)>", text)
    kind = "refused" if done.returncode == 1 and "error:" in done.stderr else "crash"
    raise Failure(kind, f"{os.path.basename(words[0])} exit {done.returncode}: {text}", found and int(found[1]))


def train(model, folder, options, seconds):
    """One step; the gradient of every parameter with what the parameter's own digits hide of it, and the loss."""
    at = lambda name: os.path.join(folder, name)
    samples = model.variants[0].samples
    onnx.save(model.proto(), at("model.onnx"))
    save_file(model.data(samples), at("data.safetensors"))
    command(
        ["bitpipe-opt", at("model.onnx"), *options, "--loss=loss", "--optimizer=sgd", "-o", at("plan.mlir")], seconds
    )
    command(
        [
            "bitpipe-run",
            at("plan.mlir"),
            f"--data={at('data.safetensors')}",
            "--steps=1",
            f"--lr={RATE:.0f}",
            "--weight-decay=0",
            f"--metrics={at('metrics.jsonl')}",
            f"--save={at('saved.safetensors')}",
        ],
        seconds,
    )
    saved, before = load_file(at("saved.safetensors")), {t.name: t for t in model.initializers}
    gradients = {}
    for name in model.parameters:
        start = onnx.numpy_helper.to_array(before[name]).astype(np.float64)
        # What has no gradient may be left out.
        after = saved[name].astype(np.float64) if name in saved else start
        digits = max(2.0**-22, float(ml_dtypes.finfo(onnx.numpy_helper.to_array(before[name]).dtype).eps))
        gradients[name] = (start - after) / RATE, digits / RATE * np.abs([start, after]).max(initial=0)
    with open(at("metrics.jsonl")) as file:
        loss = json.loads(file.readline())["loss"]
    return gradients, np.nan if loss is None else loss


def describe(got, want, allowed):
    """Where and by how much two arrays differ, empty if they do not by more than is allowed."""
    if got.shape != want.shape:
        return f"has shape {list(got.shape)}, expected {list(want.shape)}"
    if not got.size:
        return ""
    error = np.nan_to_num(np.abs(got - want), nan=np.inf)
    if error.max() <= allowed:
        return ""
    worst = np.unravel_index(error.argmax(), error.shape)
    return (
        f"is {got[worst]:.7g} at {[int(i) for i in worst]}, expected {want[worst]:.7g} "
        f"(off by {error.max():.1e}, allowed {allowed:.1e}, {int((error > allowed).sum())} of {error.size} wrong)"
    )


def bounds(variant):
    """Name, value, its size and what rounding does to it, for every output and gradient: the difference that the same
    formulas in float32 make in PyTorch."""
    _, want, _ = variant.reference(torch.float64)
    _, single, _ = variant.reference(torch.float32)
    largest = max([np.abs(v).max() for v in want.values() if v.size] or [0])
    # A gradient that cancels to nothing is as exact as what it cancels from.
    smallest = 0.05 if "--precision=bf16" in OPTIONS else 1e-3
    for name, value in want.items():
        scale = max(np.abs(value).max() if value.size else 0, smallest * largest)
        rounding = np.abs(single[name] - value).max() if value.size else 0
        yield name, value, scale, rounding


def well_conditioned(variant):
    return all(np.isfinite(scale) and rounding <= 1e-3 * scale for _, _, scale, rounding in bounds(variant))


def judge(variant, number, gradients):
    """Compares with float64. What rounding alone does is allowed ten times over."""
    problems = []
    for name, value, scale, rounding in bounds(variant):
        if not rounding <= 0.02 * scale:
            raise AssertionError(f"{variant.name}: {name} is ill-conditioned in PyTorch already: {rounding} of {scale}")
        got, hidden = gradients[f"c{number}.{name}"]
        text = describe(got, value, variant.case.tol * scale + 10 * rounding + hidden)
        if text:
            problems.append(f"{'gradient of ' + name if name in variant.case.values else 'output ' + name[1:]} {text}")
    if problems:
        raise Failure("wrong", "; ".join(problems), number)


def onnxruntime_differs(variant):
    """How values differ from onnxruntime's, empty if they do not. It computes in the types of the file, bitpipe and
    the reference do not."""
    if variant.case.type:
        return ""
    model = Model([variant])
    names = [f"c0.{name}" for name in variant.case.outputs]
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(
            model.proto(names).SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        return f"onnxruntime cannot run it: {error}"
    wanted = {i.name for i in session.get_inputs()}
    outputs, _, _ = variant.reference(torch.float64)
    rounded, _, _ = variant.reference(torch.float32)
    data = model.data(variant.samples)
    for sample in range(variant.samples):
        feeds = {n: v[sample : sample + 1] for n, v in data.items() if n in wanted}
        for got, want, single in zip(session.run(names, feeds), outputs[sample], rounded[sample]):
            scale = np.abs(want).max() if want.size else 0
            rounding = np.abs(single - want).max() if want.size else 0
            text = describe(np.asarray(got, np.float64), want, variant.case.tol * scale + 10 * rounding)
            if text:
                return "onnxruntime's output " + text + " from PyTorch"
    return ""


def check(variants, options=OPTIONS, keep=None, seconds=None):
    """Trains one model of all variants. Yields (variant, kind, text) for every one that is not right; where the model
    fails as a whole its halves are tried."""
    seconds = seconds or 10 + len(variants)
    with tempfile.TemporaryDirectory() as scratch:
        folder = keep or scratch
        os.makedirs(folder, exist_ok=True)
        model = Model(variants)
        try:
            gradients, loss = train(model, folder, options, seconds)
        except Failure as failure:
            yield from apart(variants, failure, options, keep)
            return
    right = True
    for number, variant in enumerate(variants):
        try:
            judge(variant, number, gradients)
        except Failure as failure:
            right = False
            yield variant, failure.kind, failure.text
    want = sum(variant.reference(torch.float64)[2] for variant in variants)
    size = sum(np.abs(w * y).sum() for v in variants for w, y in zip(v.weights, v.reference(torch.float64)[0][0]))
    if right and not abs(loss - want) <= SUM_TOLERANCE * max(1, size):
        yield variants[0], "wrong", f"the loss of {len(variants)} cases is {loss}, expected {want}"


def apart(variants, failure, options, keep):
    if len(variants) == 1:
        yield variants[0], failure.kind, failure.text
    elif failure.variant is not None:
        bad = variants[failure.variant]
        yield bad, failure.kind, failure.text
        yield from check([v for v in variants if v is not bad], options, keep)
    else:
        half = len(variants) // 2
        bad = list(check(variants[:half], options, keep)) + list(check(variants[half:], options, keep))
        if not bad:
            yield variants[0], failure.kind, f"{failure.text} (only together: {[v.name for v in variants]})"
        yield from bad


def operators(folder):
    """The operators that bitpipe-opt imports, and those of ONNX that it does not: it lists what it does not know."""
    kinds = sorted({schema.name for schema in onnx.defs.get_all_schemas() if schema.domain == ""})
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node(kind, [], [f"y{i}"], name=kind) for i, kind in enumerate(kinds)],
        "all",
        [],
        [onnx.helper.make_tensor_value_info("y0", onnx.TensorProto.FLOAT, [])],
        [],
    )
    path = os.path.join(folder, "all.onnx")
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 21)]), path)
    done = subprocess.run(["bitpipe-opt", path, "--emit=graph"], capture_output=True, text=True)
    unknown = set(re.findall(r"error: (\w+) '\1': not supported: this operator", done.stderr))
    if not unknown or "Add" in unknown:
        sys.exit(f"bitpipe-opt does not say which operators it knows: {done.stderr[:500]}")
    return [kind for kind in kinds if kind not in unknown], sorted(unknown)
