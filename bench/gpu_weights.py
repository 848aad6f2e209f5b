"""Weights that need not be carried: numbers that follow from a seed, the same on every machine.

What gpu_pack.py leaves out of a file of weights, gpu_run.py makes again. Integer arithmetic and one rounding per
element, so that the file has the hash that its plan holds."""

import base64
import json
import struct

import torch

LEAST = 4096  # elements of a tensor that is left out
MASK = 0xFFFFFFFF


def numbers(seed, shape, scale):
    """Evenly spread over [-scale, scale)."""
    count = 1
    for size in shape:
        count *= size
    parts = []
    for begin in range(0, count, 1 << 22):
        x = torch.arange(begin, min(begin + (1 << 22), count), dtype=torch.int64)
        x = (x * 2654435761 + seed * 97780769) & MASK
        for _ in range(2):
            x = ((x ^ (x >> 16)) * 73244475) & MASK
        x = x ^ (x >> 16)
        parts.append(((x.double() / 2**31 - 1) * scale).float())
    return torch.cat(parts).reshape(shape)


def fill(module):
    """Gives a module's matrices numbers of their own; returns what they are made of, by name."""
    made = {}
    with torch.no_grad():
        for seed, (name, parameter) in enumerate(module.named_parameters()):
            if parameter.numel() >= LEAST:
                made[name] = dict(seed=seed, shape=list(parameter.shape), scale=0.035)
                parameter.copy_(numbers(**made[name]))
    return made


def read_header(content):
    (length,) = struct.unpack("<Q", content.read(8))
    raw = content.read(length)
    return raw, {name: entry for name, entry in json.loads(raw).items() if name != "__metadata__"}


def strip(path, made, target):
    """Writes what is needed to make the file of weights again."""
    with open(path, "rb") as file:
        raw, header = read_header(file)
        begin = 8 + len(raw)
        entries = []
        for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"][0]):
            first, last = entry["data_offsets"]
            file.seek(begin + first)
            data = file.read(last - first)
            entries.append(dict(recipe(data, entry, made)))
    with open(target, "w") as file:
        json.dump(dict(header=base64.b64encode(raw).decode(), tensors=entries), file)


def recipe(data, entry, made):
    """How a tensor's bytes are made: as one of the parameters or as its transpose."""
    if entry["dtype"] == "F32" and len(data) >= 4 * LEAST:
        for parts in made.values():
            shape, swapped = parts["shape"], list(reversed(parts["shape"]))
            for transposed in (False, True):
                if entry["shape"] == (swapped if transposed else shape) and bytes_of(parts, transposed, 1 << 10) == data[:4096]:
                    if bytes_of(parts, transposed) == data:
                        return dict(parts, transposed=transposed)
    return dict(bytes=base64.b64encode(data).decode())


def bytes_of(parts, transposed, most=None):
    if most and not transposed:
        parts = dict(parts, shape=[most])
    tensor = numbers(parts["seed"], parts["shape"], parts["scale"])
    if transposed:
        tensor = tensor.t().contiguous()
    data = tensor.flatten()
    return (data[:most] if most else data).numpy().tobytes()


def restore(source, path):
    with open(source) as file:
        stored = json.load(file)
    raw = base64.b64decode(stored["header"])
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(raw)) + raw)
        for parts in stored["tensors"]:
            if "bytes" in parts:
                file.write(base64.b64decode(parts["bytes"]))
            else:
                transposed = parts.pop("transposed")
                file.write(bytes_of(parts, transposed))
