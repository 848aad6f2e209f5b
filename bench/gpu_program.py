"""What the programs of a plan for GPUs hold, counted in what --emit=cuda prints; no GPU is needed.

    python bench/gpu_program.py [--layers 24 --hidden 1024 --sequence 1024 --vocabulary 50304] [--devices 8 --microbatches 32 --offload K]

A GPT in bf16, a process for each device: streams, communicators, events, calls of a step by kind, the memory that the plan
lays out, with --offload=K on hosts too and what is copied there in a step, what kernels take of a multiprocessor (by ptxas), and the bytes that each pair of devices sends in a step beside the
schedule's count of messages. A program whose messages are others than the schedule's ends this with an error."""

import argparse
import collections
import pathlib
import re
import shutil
import subprocess
import tempfile

import sparse_models

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = ROOT / "build" / "bin"
KINDS = {"kernels": r"^    launch\(", "products": r"^    matmul\(", "attention": r"^    gpu\.attention\(",
         "messages": r"nccl(?:Send|Recv)\(", "sums": r"nccl(?:AllReduce|ReduceScatter|AllGather)\(",
         "copies": r"cuMemcpy(?:DtoH|HtoD)Async\(", "own": r"gpu\.(?:contribute|judge|update|round|keep|clear)\(",
         "gradients": r"gpu\.addBiasGradient\("}


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def bodies(text):
    """The functions of a routine's calls by name, and each device's struct."""
    routines = dict(re.findall(r"^  void (\w+)\([^;{]*\{\n(.*?)^  \}", text, re.M | re.S))
    devices = re.findall(r"^struct Device(\d+) final.*?^\};", text, re.M | re.S)
    whole = {int(number): body for number, body in
             re.findall(r"^struct Device(\d+) final(.*?)^\};", text, re.M | re.S)}
    assert len(devices) == len(whole)
    return routines, whole


def calls_of(body, routines):
    """Calls of a step by kind, those in its routines among them."""
    counts = collections.Counter({kind: len(re.findall(pattern, body, re.M)) for kind, pattern in KINDS.items()})
    for name in re.findall(r"^    (\w+)\(", body, re.M):
        if name in routines:
            counts.update({kind: len(re.findall(pattern, routines[name], re.M)) for kind, pattern in KINDS.items()})
    return counts


def sent_by(body):
    """Messages and bytes by the device that is sent to."""
    sent = collections.defaultdict(lambda: [0, 0])
    for size, peer in re.findall(r"ncclSend\([^,]*, (\d+), ncclInt8, 1,\s*to(\d+)\.", body):
        sent[int(peer)][0] += 1
        sent[int(peer)][1] += int(size)
    return sent


def kept_by_host(body):
    """Bytes that a step copies to the host and back; both are the same, or a plan keeps what it never gives back."""
    out, back = (sum(int(size) for size in re.findall(rf"cuMemcpy{way}Async\([^;]*?, (\d+),\s*\w+_host\)", body))
                 for way in ("DtoH", "HtoD"))
    if out != back:
        raise SystemExit(f"{out} bytes are copied to the host and {back} back")
    return out


def on_hosts(plan):
    """What the host keeps of each device, in bytes."""
    kept = {}
    for number, program in re.findall(r"pipe\.program device (\d+) (.*?)(?=pipe\.program|\Z)", plan, re.S):
        ends = [int(size) + int(offset) for size, offset in re.findall(r'"host" size (\d+) offset (\d+)', program)]
        kept[int(number)] = max(ends, default=0)
    return kept


def scheduled(report):
    """Messages that each device sends, from the report's first table."""
    table = re.search(r"^device +work.*?\n(.*?)^makespan", report, re.M | re.S)[1]
    return {int(row.split()[0]): int(row.split()[-1]) for row in table.splitlines()}


def show_kernels(ptx):
    """Registers and spills, as ptxas says them."""
    ptxas = shutil.which("ptxas") or shutil.which("/usr/local/cuda/bin/ptxas")
    if not ptxas:
        return print("kernels: no ptxas here, which tells their registers")
    said = run(ptxas, "-v", "-arch=sm_90", ptx, "-o", "/dev/null")
    registers = [int(count) for count in re.findall(r"Used (\d+) registers", said)]
    spilled = sum(int(count) for count in re.findall(r"(\d+) bytes spill stores", said))
    print(f"{len(registers)} kernels of the plan: {min(registers)} to {max(registers)} registers, {spilled} bytes spilled")


def show(folder, options):
    plan, program = folder / "plan.mlir", folder / "program.cpp"
    model = [folder / "model.onnx", f"--pipeline={options.pipeline}", f"--devices={options.devices}",
             f"--microbatches={options.microbatches}", "--target=cuda", "--arch=sm_90", "--precision=bf16"]
    model += [f"--offload={options.offload}"] if options.offload else []
    run(BIN / "bitpipe-opt", *model, "--cubin=off", "-o", plan)  # the text, which show_kernels reads
    run(BIN / "bitpipe-opt", plan, "--emit=cuda", "-o", program)
    routines, devices = bodies(program.read_text())
    expected = scheduled(run(BIN / "bitpipe-opt", *model, "--emit=report"))
    hosts = on_hosts(plan.read_text())
    arenas = dict(re.findall(r"pipe\.program device (\d+) arena (\d+)", plan.read_text()))
    counted = {number: calls_of(body, routines) for number, body in devices.items()}
    kinds = [kind for kind in KINDS if kind != "copies" or options.offload]
    show_kernels(folder / "plan.kernels.ptx")
    print(f"\n{'device':>6}{'arena MiB':>11}{'streams':>9}{'communicators':>15}{'events':>8}"
          + "".join(f"{kind:>11}" for kind in kinds))
    for number, body in devices.items():
        counts, channels = counted[number], len(re.findall(r"const Channel ", body))
        print(f"{number:6}{int(arenas[str(number)]) / 2**20:11.1f}{channels + 1 + 2 * bool(counts['copies']):9}{channels:15}"
              f"{len(re.findall('const CUevent ', body)):8}" + "".join(f"{counts[kind]:11}" for kind in kinds))
    print("\nsent in a step, from device to device: messages, MiB")
    for number, body in devices.items():
        sent = sent_by(body)
        print(f"{number:6}: " + ", ".join(f"to {peer} {count}, {size / 2**20:.1f}" for peer, (count, size) in sorted(sent.items())))
        if sum(count for count, _ in sent.values()) != expected[number]:
            raise SystemExit(f"device {number} sends {dict(sent)}, expected {expected[number]} messages as scheduled")
    for number, body in devices.items():
        if kept := kept_by_host(body):
            print(f"{number:6}: to its host, which keeps at most {hosts[number] / 2**20:.1f} MiB, and back: {kept / 2**20:.1f} MiB")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name, default in dict(layers=24, hidden=1024, sequence=1024, vocabulary=50304, devices=8, microbatches=32, microbatch=8).items():
        parser.add_argument(f"--{name}", type=int, default=default, help="default: %(default)s")
    parser.add_argument("--offload", type=float, help="activations that stay on a device (default: all)")
    parser.add_argument("--pipeline", default="bitpipe", help="default: %(default)s")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        sparse_models.gpt(folder, options.layers, options.hidden, options.hidden // 64, options.sequence, options.vocabulary,
                          options.microbatch)
        show(folder, options)


if __name__ == "__main__":
    main()
