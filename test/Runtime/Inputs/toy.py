"""Writes a small compiled plan by hand, so that the runtime is tested without
the compiler: two linear layers and a cross entropy over labels, as two stages.

    toy.py FOLDER [--routes 0,1:0,2 1,0:1,3] [--optimizer adamw] [--copy] [--shard]

A route gives the devices of both stages and its micro-batches. FOLDER gets
plan.mlir, weights.safetensors, kernels.so and data.safetensors.
"""

import argparse
import pathlib
import subprocess

import numpy
from safetensors.numpy import save_file

SAMPLES, WIDTH, HIDDEN, CLASSES = 4, 12, 8, 5
F32 = 4

KERNELS = """
#include <math.h>
#include <stdint.h>
enum { samples = %d, classes = %d };
// logits, labels -> loss, gradient of the logits per unit of loss
void cross_entropy_0(void *const *args, int64_t begin, int64_t end) {
  const float *logits = args[0];
  const int64_t *labels = args[1];
  float *loss = args[2], *gradient = args[3], sum = 0;
  for (int i = 0; i < samples; ++i) {
    double total = 0;
    for (int j = 0; j < classes; ++j)
      total += exp(logits[i * classes + j]);
    if (labels[i] != -100)
      sum += log(total) - logits[i * classes + labels[i]];
    for (int j = 0; j < classes; ++j) // in place of the logits
      gradient[i * classes + j] = labels[i] == -100 ? 0
          : exp(logits[i * classes + j]) / total - (labels[i] == j);
  }
  *loss = sum;
}
const int64_t cross_entropy_0_extents[] = {4, 4 * samples * classes, 8 * samples, 4, 4 * samples * classes};
const int64_t cross_entropy_0_units[] = {1, 0, 0};
// gradient *= seed; samples are shared among threads, since they say that they are large
void scale_0(void *const *args, int64_t begin, int64_t end) {
  float *gradient = args[0], *seed = args[1];
  for (int i = begin * classes; i < end * classes; ++i)
    gradient[i] *= *seed;
}
const int64_t scale_0_units[] = {samples, 1 << 20, 0};
const int64_t scale_0_extents[] = {2, 4 * samples * classes, 4};
// sums += columns of the gradient
void column_sums_0(void *const *args, int64_t begin, int64_t end) {
  const float *gradient = args[0];
  float *sums = args[1];
  for (int i = 0; i < samples; ++i)
    for (int j = begin; j < end; ++j)
      sums[j] += gradient[i * classes + j];
}
const int64_t column_sums_0_units[] = {classes, 1 << 20, 0};
const int64_t column_sums_0_extents[] = {2, 4 * samples * classes, 4 * classes};
""" % (SAMPLES, CLASSES)


def matmul(a, a_strides, b, b_strides, c, sizes, tail=""):
    ref = lambda place: "#pipe.ref<%d, %d>" % place
    m, n, k = sizes
    return (f"pipe.matmul {ref(a)} {array_text(a_strides)} by {ref(b)} {array_text(b_strides)} "
            f"into {ref(c)} {array_text([n, 1])} sizes {array_text(sizes)} {tail}")


def array_text(values):
    return "[" + ", ".join(map(str, values)) + "]"


def kernel(name, *places):
    refs = ", ".join("#pipe.ref<%d, %d>" % place for place in places)
    return f'pipe.kernel "{name}" [{refs}]'


S, W, H, C = SAMPLES, WIDTH, HIDDEN, CLASSES
X, HID, LOGITS = S * W * F32, S * H * F32, S * C * F32
W1, W2, BIAS = W * H * F32, H * C * F32, C * F32
ROUTINES = {
    # x, hidden, weights
    "forward0": ([X, HID, W1], [matmul((0, 0), [W, 1], (2, 0), [H, 1], (1, 0), [S, H, W])]),
    # hidden, logits, weights (matrix, bias), labels, loss
    "forward1": ([HID, LOGITS, W2 + BIAS, S * 8, F32], [
        matmul((0, 0), [H, 1], (2, 0), [C, 1], (1, 0), [S, C, H], "bias #pipe.ref<2, %d>" % W2),
        kernel("cross_entropy_0", (1, 0), (3, 0), (4, 0), (1, 0))]),
    # gradient of logits, of hidden, weights, gradients, hidden, seed
    "backward1": ([LOGITS, HID, W2 + BIAS, W2 + BIAS, HID, F32], [
        kernel("scale_0", (0, 0), (5, 0)),
        matmul((0, 0), [C, 1], (2, 0), [1, C], (1, 0), [S, H, C]),
        matmul((4, 0), [1, H], (0, 0), [C, 1], (3, 0), [H, C, S], "accumulate"),
        kernel("column_sums_0", (0, 0), (3, W2))]),
    # x, gradient of hidden, gradients
    "backward0": ([X, HID, W1], [
        matmul((0, 0), [1, W], (1, 0), [H, 1], (2, 0), [W, H, S], "accumulate")]),
}


class Device:
    def __init__(self, index):
        self.index, self.arena, self.slots, self.body = index, 0, [], []
        self.residents, self.named = [], {}

    def slot(self, key, source, size, extra=""):
        """The number of the slot `key`, made at its first use."""
        if key in self.named:
            return self.named[key]
        offset = ""
        if source not in ("input", "seed"):
            offset = f"offset {self.arena} "
            self.arena += (size + 63) // 64 * 64
        number = self.named[key] = len(self.slots)
        self.slots.append(f'pipe.slot {number} "{source}" size {size} {offset}{extra}')
        return number

    def stage_slots(self, stage, shares, moments):
        """`shares` are the slices of the stage's parameters that its devices step, or nothing."""
        size = [W1, W2 + BIAS][stage]
        whole = max(size, shares.slice * len(shares.devices) * F32) if shares.sharded else size
        begin, end = shares.of(self.index) if shares.sharded else (0, size // F32)
        for kind in ["weights", "gradients"]:
            self.slot((kind, stage), kind, whole)
        for kind in ["moment1", "moment2"] * moments:
            self.slot((kind, stage), kind, (end - begin) * F32)
        slot = self.named["weights", stage]
        mark = "trainable" + " owner" * (self.index == shares.devices[0])
        if stage == 0:
            self.residents.append(f'pipe.resident "first" : tensor<{W}x{H}xf32> slot {slot} offset 0 {mark}')
        else:
            self.residents.append(f'pipe.resident "second" : tensor<{H}x{C}xf32> slot {slot} offset 0 {mark}')
            self.residents.append(f'pipe.resident "bias" : tensor<{C}xf32> slot {slot} offset {W2} {mark}')

    def input(self, name, size, mb):
        return self.slot((name, mb), "input", size, f'name "{name}" mb {mb}')

    def execute(self, kind, stage, mb, routine, slots):
        self.body.append(f"pipe.execute {kind} stage {stage} mb {mb} @{routine} {array_text(slots)}")


class Shares:
    """What each of the devices that hold a stage answers for: of the norm, and of the step where that is sharded."""

    def __init__(self, stage, devices, sharded):
        self.elements, self.devices = [W * H, H * C + C][stage], devices
        self.sharded = sharded and len(devices) > 1
        self.slice = (self.elements + 16 * len(devices) - 1) // (16 * len(devices)) * 16

    def of(self, device):
        place = self.devices.index(device)
        return min(place * self.slice, self.elements), min((place + 1) * self.slice, self.elements)


def run_forward(device, stage, mb, hidden):
    if stage == 0:
        device.execute("F", 0, mb, "forward0", [device.input("x", X, mb), hidden, device.named["weights", 0]])
        return
    device.execute("F", 1, mb, "forward1", [
        hidden, device.slot(("logits", mb), "arena", LOGITS), device.named["weights", 1],
        device.input("labels", S * 8, mb), device.slot(("loss", mb), "loss", F32, f"mb {mb}")])


def run_backward(device, stage, mb, hidden, gradient):
    if stage == 1:
        device.execute("B", 1, mb, "backward1", [
            device.named["logits", mb], gradient, device.named["weights", 1],
            device.named["gradients", 1], hidden, device.slot("seed", "seed", F32)])
        return
    device.execute("B", 0, mb, "backward0", [device.input("x", X, mb), gradient, device.named["gradients", 0]])


def transfer(kind, stage, mb, source, target, slots, handover):
    source.body.append(f"pipe.transmit {kind} stage {stage} mb {mb} to {target.index} slot {slots[0]} {handover}")
    target.body.append(f"pipe.receive {kind} stage {stage} mb {mb} from {source.index} slot {slots[1]}")


def programs(routes, optimizer, handover, sharded=False):
    place = {mb: devices for devices, mbs in routes for mb in mbs}
    devices = [Device(i) for i in range(1 + max(max(d) for d, _ in routes))]
    homes = [sorted({route[0][stage] for route in routes}) for stage in (0, 1)]
    moments = 1 if optimizer == "adamw" else 0
    shares = [Shares(stage, homes[stage], sharded) for stage in (0, 1)]
    for stage in (0, 1):
        for index in homes[stage]:
            devices[index].stage_slots(stage, shares[stage], moments)

    def hop(kind, stage, mb, source, target):
        key = (kind, mb)
        kind_of_slot = "arena" if source is target else "message"
        slots = [device.slot(key, kind_of_slot, HID) for device in (source, target)]
        return slots

    hidden, gradients = {}, {}
    for mb in sorted(place):
        first, second = (devices[i] for i in place[mb])
        hidden[mb] = hop("F", 0, mb, first, second)
        run_forward(first, 0, mb, hidden[mb][0])
        if first is not second:
            transfer("F", 0, mb, first, second, hidden[mb], handover)
        run_forward(second, 1, mb, hidden[mb][1])
    for mb in sorted(place):
        first, second = (devices[i] for i in place[mb])
        gradients[mb] = hop("B", 1, mb, second, first)
        run_backward(second, 1, mb, hidden[mb][1], gradients[mb][0])
        if first is not second:
            transfer("B", 1, mb, second, first, gradients[mb], handover)
        run_backward(first, 0, mb, hidden[mb][1], gradients[mb][1])
    for stage in (1, 0):
        for index in homes[stage]:
            group = f"stages [{stage}] devices {array_text(homes[stage])} slot {devices[index].named['gradients', stage]}"
            if shares[stage].sharded:
                devices[index].body.append(f"pipe.reduce_scatter {group} slice {shares[stage].slice}")
            elif len(homes[stage]) > 1:
                devices[index].body.append(f"pipe.all_reduce {group}")
    for device in devices:
        mine = [s for s in (0, 1) if device.index in homes[s]]
        ranges = [shares[s].of(device.index) for s in mine]
        device.body.append("pipe.grad_norm " + array_text(device.named["gradients", s] for s in mine)
                           + " from " + array_text(b for b, _ in ranges) + " to " + array_text(e for _, e in ranges))
        for stage in mine:
            share = shares[stage]
            slot = lambda kind: device.named[kind, stage]
            part = "from {} to {} ".format(*share.of(device.index)) if share.sharded else ""
            tail = f"moments {slot('moment1')} {slot('moment2')}" if moments else ""
            device.body.append(f"pipe.step stages [{stage}] elements {share.elements} {part}"
                               f"weights {slot('weights')} gradients {slot('gradients')} {tail}")
            if share.sharded:
                device.body.append(f"pipe.all_gather stages [{stage}] devices {array_text(share.devices)} "
                                   f"slot {slot('weights')} slice {share.slice}")
    return devices


def hash_file(path):
    """The hash of lib/Runtime/Hash.h, written again."""
    data, mask = path.read_bytes(), 2**64 - 1
    words = [int.from_bytes(data[i:i + 8], "little") for i in range(0, len(data), 8)]
    if len(data) % 8 == 0:
        words.append(0)
    state = 0xcbf29ce484222325
    for word in words + [len(data)]:
        state = (state ^ word) * 0x9e3779b97f4a7c15 & mask
        state ^= state >> 32
    return f"{state:016x}"


def plan_text(folder, devices, optimizer, microbatches):
    hashes = [hash_file(folder / name) for name in ("weights.safetensors", "kernels.so")]
    lines = [
        'pipe.training {version = 5 : i64, target = "cpu", features = "", inputs = ["x", "labels"],',
        f"  types = [tensor<{S}x{W}xf32>, tensor<{S}xi64>], bounds = array<i64: -1, {C}>,",
        '  loss = "labels", labels = "labels", ignore_index = -100 : i64,',
        f'  optimizer = "{optimizer}", devices = {len(devices)} : i64, microbatches = {microbatches} : i64,',
        f'  weights = "weights.safetensors", weights_hash = "{hashes[0]}",',
        f'  kernels = "kernels.so", kernels_hash = "{hashes[1]}"}}']
    lines += [f'pipe.saved "{name}" : tensor<{shape}xf32>'
              for name, shape in (("first", f"{W}x{H}"), ("second", f"{H}x{C}"), ("bias", C))]
    for name, (blocks, calls) in ROUTINES.items():
        lines += [f"pipe.routine @{name} blocks {array_text(blocks)} {{"] + calls + ["}"]
    for device in devices:
        lines += [f"pipe.program device {device.index} arena {device.arena} {{"]
        lines += device.slots + device.residents + device.body + ["}"]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--routes", nargs="+", default=["0,0:0,1,2,3"])
    parser.add_argument("--optimizer", default="adamw")
    parser.add_argument("--copy", action="store_true", help="no handover")
    parser.add_argument("--shard", action="store_true", help="devices step slices of what several hold")
    options = parser.parse_args()
    numbers = lambda text: [int(n) for n in text.split(",")]
    routes = [[numbers(part) for part in route.split(":")] for route in options.routes]
    microbatches = sum(len(mbs) for _, mbs in routes)

    folder = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    random = numpy.random.default_rng(1)
    normal = lambda *shape: random.normal(size=shape).astype(numpy.float32)
    save_file({"first": normal(W, H) / 4, "second": normal(H, C) / 4, "bias": normal(C) / 4},
              folder / "weights.safetensors")
    count = 5 * S * microbatches // 2
    labels = random.integers(0, C, count)
    labels[::7] = -100
    save_file({"x": normal(count, W), "labels": labels}, folder / "data.safetensors")
    (folder / "kernels.c").write_text(KERNELS)
    subprocess.run(["clang-22", "-O2", "-shared", "-fPIC", "-o", folder / "kernels.so", folder / "kernels.c", "-lm"],
                   check=True)
    handover = "" if options.copy else "handover"
    devices = programs(routes, options.optimizer, handover, options.shard)
    (folder / "plan.mlir").write_text(plan_text(folder, devices, options.optimizer, microbatches))


if __name__ == "__main__":
    main()
