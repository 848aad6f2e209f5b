"""The parts of bench/gpu.sh. Needs PyTorch and what gpu_pack.py has packed.

models   gpt2, bert and llama in f32 and bf16: losses beside the references (PyTorch on a CPU), and four devices sharing
         the GPU
sanitize two steps of gpt2 under compute-sanitizer, where it is there
printed  gpt2 as a printed program: same bits as bitpipe-run
gpt      tokens/s and MFU of a GPT in bf16
cudnn    attention by cuDNN and by own kernels: losses of gpt2 and llama in bf16, the bits of a second run, each attention of
         the GPT by itself, and its tokens/s
epilogues  bias gradients by the products of weights' gradients and by own kernels: losses of gpt2 and bert, the bits of a
         second run, each product of the GPT by itself, and its tokens/s
torch    PyTorch on the same model, eager and compiled, under autocast
nccl     gpt2 on processes that share the GPU, which NCCL takes for hosts of their own: same bits as one process has
graph    the same GPT without graphs
calls    every kernel, product and attention of it by itself, with bytes or operations per second
offload  activations on the host: gpt2 to the bits of a run without, as a graph and not; of the GPT how fast copies are, and its
         tokens/s
shared   the same with two and four devices that share the GPU
"""

import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
LIMITS = {"models": 90, "sanitize": 90, "printed": 40, "nccl": 120, "gpt": 150, "cudnn": 150, "torch": 170, "graph": 50, "offload": 90, "shared": 120, "calls": 60,
          "epilogues": 120}
PEAK = 989e12  # of dense bf16 products on an H100 or H200 SXM
STEPS = 12
WHOLE = 600  # seconds that all parts have together
ends = {}  # when the part that runs, and all, have to end


def within(seconds):
    """So many seconds, or those that are left of the part."""
    left = min(ends.values()) - time.time()
    if left < 1:
        raise TimeoutError("the time of this part is over")
    return min(seconds, left)


def note(**what):
    line = json.dumps(what)
    print(line, flush=True)
    with open(HERE / "results.jsonl", "a") as file:
        file.write(line + "\n")


def train(plan, data, steps, limit, *options):
    """Lines of the metrics, or None with the error noted."""
    metrics = HERE / f"{plan}.jsonl"
    command = [HERE / "bitpipe-run", HERE / f"{plan}.mlir", f"--data={data}", f"--steps={steps}", f"--metrics={metrics}",
               "--force", *options]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=within(limit))
    except subprocess.TimeoutExpired as error:
        note(plan=plan, options=options, error=f"took over {error.timeout:.0f} s")
        return None
    if done.returncode:
        note(plan=plan, options=options, exit=done.returncode, error=done.stderr.strip()[-600:])
        return None
    if "--time-calls" in options:
        print(done.stdout[done.stdout.find("\ndevice 0: every call"):], flush=True)
    for said in re.findall(r"^(?:host of device|attentions of a step|bias gradients of a step).*", done.stdout, re.M):
        note(plan=plan, options=options, said=said)
    with open(metrics) as file:
        return [json.loads(line) for line in file]


def models(limit):
    for name in ("gpt2", "bert", "llama"):
        reference = json.loads((HERE / f"{name}.reference.json").read_text())["loss"]
        for kind, options in (("f32", []), ("bf16", []), ("shared", ["--share-gpus"]), ("f32", ["--no-graph"])):
            lines = train(f"{name}-{kind}", HERE / f"{name}.data.safetensors", len(reference), limit / 4, "--clip=1.0", *options)
            if lines:
                worst = max(abs(line["loss"] - want) / want for line, want in zip(lines, reference))
                note(model=name, kind=kind, options=options, worst_relative_loss_error=worst)


def sanitize(limit):
    checker = shutil.which("compute-sanitizer")
    if not checker:
        return note(error="no compute-sanitizer on PATH")
    for tool in ("memcheck", "racecheck"):
        for kind in ("f32", "bf16"):
            command = [checker, "--tool", tool, "--error-exitcode", "9", HERE / "bitpipe-run", HERE / f"gpt2-{kind}.mlir",
                       f"--data={HERE / 'gpt2.data.safetensors'}", "--steps=2", "--no-graph"]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=within(limit / 4))
            except subprocess.TimeoutExpired as error:
                note(sanitizer=tool, kind=kind, error=f"took over {error.timeout:.0f} s")
                continue
            found = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("=========")]
            note(sanitizer=tool, kind=kind, exit=done.returncode, said=found[-1:] if done.returncode == 0 else found[:12])


def library_folders():
    """Where the libraries are that a printed program is linked with."""
    import sysconfig

    packages = pathlib.Path(sysconfig.get_paths()["purelib"]) / "nvidia"
    return sorted({str(file.parent) for name in ("libcublasLt.so.13", "libnccl.so.2") for file in packages.glob(f"*/lib/{name}")})


def printed(limit):
    data = HERE / "gpt2.data.safetensors"
    walked = train("gpt2-f32", data, 6, limit / 2, "--clip=1.0")
    folders = ":".join([*library_folders(), os.environ.get("LD_LIBRARY_PATH", "")])
    metrics = HERE / "printed.jsonl"
    done = subprocess.run([HERE / "program", HERE / "gpt2-f32.mlir", f"--data={data}", "--steps=6", "--clip=1.0",
                           f"--metrics={metrics}", "--force"], capture_output=True, text=True, timeout=within(limit / 2),
                          env=dict(os.environ, LD_LIBRARY_PATH=folders))
    if done.returncode:
        return note(what="printed program", exit=done.returncode, error=done.stderr.strip()[-600:])
    with open(metrics) as file:
        lines = [json.loads(line) for line in file]
    note(what="printed program", same_bits=walked and all(a["loss"] == b["loss"] and a["grad_norm"] == b["grad_norm"]
                                                          for a, b in zip(walked, lines, strict=True)))


def run_ranks(count, command, limit):
    """Exit status and the end of what was said, of every rank. They take turns on the GPU, so that this says nothing of
    speed."""
    ranks = []
    for rank in range(count):
        variables = dict(os.environ, RANK=str(rank), WORLD_SIZE=str(count), LOCAL_RANK="0", MASTER_ADDR="127.0.0.1",
                         MASTER_PORT="29517", CUDA_VISIBLE_DEVICES="0", NCCL_HOSTID=f"bitpipe-{rank}",
                         NCCL_SOCKET_IFNAME="lo", NCCL_IB_DISABLE="1")
        ranks.append(subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
    end, said = time.time() + within(limit), []
    for rank in ranks:
        try:
            output, _ = rank.communicate(timeout=max(1, end - time.time()))
        except subprocess.TimeoutExpired:
            rank.kill()
            output, _ = rank.communicate()
            output += f"\ntook over {limit:.0f} s"
        said.append((rank.returncode, output.strip()[-600:]))
    return said


def nccl(limit):
    plan, count = "gpt2-pair", 2  # more processes take turns for minutes
    data = HERE / "gpt2.data.safetensors"
    for options in ([], ["--no-graph"]):
        alone = train(plan, data, 6, limit / 6, "--clip=1.0", "--share-gpus", *options)
        metrics = HERE / f"{plan}-ranks.jsonl"
        begin = time.time()
        said = run_ranks(count, [HERE / "bitpipe-run", HERE / f"{plan}.mlir", f"--data={data}", "--steps=6", "--clip=1.0",
                                 f"--metrics={metrics}", "--force", *options], limit / 3)
        if any(status for status, _ in said):
            note(plan=plan, processes=count, options=options, failed=said)
            continue
        with open(metrics) as file:
            lines = [json.loads(line) for line in file]
        same = alone and all(a[key] == b[key] for a, b in zip(alone, lines, strict=True) for key in ("loss", "grad_norm"))
        note(plan=plan, processes=count, options=options, same_bits_as_threads=same, losses=[line["loss"] for line in lines],
             seconds=round(time.time() - begin, 1))


def gpt_size():
    return json.loads((HERE / "gpt.json").read_text())


def flop_per_token(size):
    """Of attention's matrices, what a causal mask leaves."""
    linear = size["layers"] * 12 * size["hidden"] ** 2 + size["hidden"] * size["vocabulary"]
    return 6 * linear + 6 * size["layers"] * size["sequence"] * size["hidden"]


def make_tokens(size):
    """Ids and labels of the steps as a .safetensors."""
    path = HERE / "tokens.safetensors"
    if path.exists():
        return path
    import torch

    samples, sequence = STEPS * size["microbatch"] * size["microbatches"], size["sequence"]
    ids = torch.randint(0, size["vocabulary"], (samples, sequence + 1), generator=torch.Generator().manual_seed(1))
    parts = [ids[:, :-1].contiguous().numpy().tobytes(), ids[:, 1:].contiguous().numpy().tobytes()]
    shape, bytes = [samples, sequence], len(parts[0])
    header = json.dumps({"input_ids": dict(dtype="I64", shape=shape, data_offsets=[0, bytes]),
                         "labels": dict(dtype="I64", shape=shape, data_offsets=[bytes, 2 * bytes])}).encode()
    header += b" " * (-len(header) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header + parts[0] + parts[1])
    return path


def note_speed(what, seconds, size, **more):
    """Of the mean of some steps' times: two are under way at once, so that a single one says little."""
    seconds = sum(seconds) / len(seconds)
    tokens = size["microbatch"] * size["microbatches"] * size["sequence"]
    note(what=what, step_ms=round(seconds * 1e3, 2), tokens_per_s=round(tokens / seconds),
         mfu=round(tokens / seconds * flop_per_token(size) / PEAK, 4), **more)


def bitpipe_gpt(plan, what, limit, *options):
    import gpu_weights

    size, weights = gpt_size(), HERE / f"{plan}.weights.safetensors"
    if not weights.exists():
        begin = time.time()
        gpu_weights.restore(HERE / f"{plan}.weights.json", weights)
        note(plan=plan, weights_seconds=round(time.time() - begin, 1))
    lines = train(plan, make_tokens(size), STEPS, limit, *options)
    if lines:
        note_speed(what, [line["step_seconds"] for line in lines[3:]], size, losses=[lines[0]["loss"], lines[-1]["loss"]])


def gpt(limit):
    bitpipe_gpt("gpt-1", "bitpipe", limit)


def both_ways(limit, option, ways, plans):
    """An option's two values: the test models' losses and the bits of a run without graphs; of the GPT each call, and its
    tokens/s."""
    for plan in plans:
        name = plan.split("-")[0]
        data = HERE / f"{name}.data.safetensors"
        reference = json.loads((HERE / f"{name}.reference.json").read_text())["loss"]
        for way in ways:
            first, second = (train(plan, data, len(reference), limit / 16, "--clip=1.0", f"--{option}={way}", *options)
                             for options in ([], ["--no-graph"]))
            if first and second:
                worst = max(abs(line["loss"] - want) / want for line, want in zip(first, reference))
                same = all(a[key] == b[key] for a, b in zip(first, second, strict=True) for key in ("loss", "grad_norm"))
                note(plan=plan, **{option: way}, worst_relative_loss_error=worst, same_bits_without_graph=same)
    for way in ways:
        bitpipe_gpt("gpt-1", f"bitpipe, {option}: {way}", limit / 6, f"--{option}={way}")
        bitpipe_gpt("gpt-1", f"bitpipe, {option}: {way}, calls timed", limit / 6, f"--{option}={way}", "--time-calls")


def cudnn(limit):
    both_ways(limit, "attention", ("cudnn", "own"), ("gpt2-bf16", "llama-bf16"))


def epilogues(limit):
    both_ways(limit, "epilogues", ("auto", "own"), ("gpt2-bf16", "gpt2-f32", "bert-f32"))


def graph(limit):
    bitpipe_gpt("gpt-1", "bitpipe without graphs", limit, "--no-graph")


def calls(limit):
    bitpipe_gpt("gpt-1", "bitpipe, calls timed", limit, "--time-calls")


def offload(limit):
    """Copies are timed with --profile alone, which walks every step."""
    data = HERE / "gpt2.data.safetensors"
    stays = train("gpt2-stays", data, 6, limit / 8, "--clip=1.0", "--share-gpus")
    for options in ([], ["--no-graph"]):
        moved = train("gpt2-offload", data, 6, limit / 8, "--clip=1.0", "--share-gpus", *options)
        same = stays and moved and all(a[key] == b[key] for a, b in zip(stays, moved, strict=True) for key in ("loss", "grad_norm"))
        note(what="activations on the host", options=options, same_bits=same)
    bitpipe_gpt("gpt-offload", "bitpipe, activations on the host", limit / 4)
    bitpipe_gpt("gpt-offload", "bitpipe, activations on the host, timed", limit / 4, f"--profile={HERE / 'profile.json'}")


def shared(limit):
    for devices in (2, 4):
        bitpipe_gpt(f"gpt-{devices}", f"bitpipe, {devices} devices share the GPU", limit / 2, "--share-gpus")


def pytorch(limit):
    """In a process of its own, which may be ended."""
    for mode, share in (("eager", 0.25), ("compiled", 0.75)):
        try:
            subprocess.run([sys.executable, "-u", __file__, "--pytorch", mode], timeout=within(limit * share))
        except subprocess.TimeoutExpired as error:
            note(what=f"PyTorch {mode}", error=f"took over {error.timeout:.0f} s")


def pytorch_steps(mode):
    import gpt as model
    import gpu_weights
    import torch
    from torch.nn import functional as F

    size = gpt_size()
    names = ("layers", "hidden", "heads", "sequence", "vocabulary")
    module = model.gpt(**{name: size[name] for name in names}, tied=False)
    gpu_weights.fill(module)
    module.cuda()
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    ids = torch.randint(0, size["vocabulary"], (size["microbatch"], size["sequence"] + 1), device="cuda")

    def loss_of(ids):
        with torch.autocast("cuda", torch.bfloat16):
            logits = module(ids[:, :-1])
            return F.cross_entropy(logits.flatten(0, 1).float(), ids[:, 1:].flatten())

    step = torch.compile(loss_of) if mode == "compiled" else loss_of
    seconds = []
    for _ in range(STEPS):
        torch.cuda.synchronize()
        begin = time.time()
        for _ in range(size["microbatches"]):
            (step(ids) / size["microbatches"]).backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1e9)
        optimizer.step()
        optimizer.zero_grad()
        torch.cuda.synchronize()
        seconds.append(time.time() - begin)
    note_speed(f"PyTorch {mode}", seconds[3:], size)


def machine():
    found = subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"], capture_output=True,
                           text=True) if shutil.which("nvidia-smi") else None
    note(machine=found.stdout.strip() if found else "no nvidia-smi", python=re.sub(r"\s.*", "", sys.version))


def main():
    if sys.argv[1:2] == ["--pytorch"]:
        return pytorch_steps(sys.argv[2])
    parts = {"models": models, "sanitize": sanitize, "printed": printed, "nccl": nccl, "gpt": gpt, "cudnn": cudnn, "epilogues": epilogues, "torch": pytorch, "graph": graph, "offload": offload,
             "calls": calls, "shared": shared}
    if unknown := [name for name in sys.argv[1:] if name not in parts]:
        sys.exit(f"no part {unknown[0]!r}, expected some of {', '.join(parts)}")
    machine()
    ends["all"] = time.time() + WHOLE
    for name in sys.argv[1:] or parts:
        begin = time.time()
        ends["part"] = begin + LIMITS[name]
        try:
            parts[name](within(LIMITS[name]))
        except Exception as error:  # the other parts are worth having
            note(part=name, error=repr(error))
        note(part=name, seconds=round(time.time() - begin, 1))


main()
