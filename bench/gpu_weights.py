"""Weights that need not be carried: numbers that follow from a seed, the same on every machine.

What gpu_pack.py leaves out of a file of weights, gpu_run.py makes again. Integer arithmetic and one rounding per
element, so that the file has the hash that its plan holds."""

import base64
import json
import struct

import torch

LEAST = 4096  # elements of a tensor that is left out
MASK = 0xFFFFFFFF


PREFIX = 1024  # elements by which a tensor is recognised


def at(x, seed, scale):
    """The numbers at some places: evenly spread over [-scale, scale)."""
    x = (x * 2654435761 + seed * 97780769) & MASK
    for _ in range(2):
        x = ((x ^ (x >> 16)) * 73244475) & MASK
    x = x ^ (x >> 16)
    return ((x.double() / 2**31 - 1) * scale).float()


def numbers(seed, shape, scale):
    count = 1
    for size in shape:
        count *= size
    parts = [at(torch.arange(begin, min(begin + (1 << 22), count), dtype=torch.int64), seed, scale)
             for begin in range(0, count, 1 << 22)]
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


def prefixes(made):
    """How to make a tensor, by its first bytes and shape: a parameter or its transpose."""
    known = {}
    places = torch.arange(PREFIX, dtype=torch.int64)
    for parts in made.values():
        shape = parts["shape"]
        known[at(places, parts["seed"], parts["scale"]).numpy().tobytes(), *shape] = dict(parts, transposed=False)
        if len(shape) == 2:
            rows, columns = shape
            swapped = places % rows * columns + places // rows
            first = at(swapped, parts["seed"], parts["scale"]).numpy().tobytes()
            known[first, columns, rows] = dict(parts, transposed=True)
    return known


def strip(path, made, target):
    """Writes what is needed to make the file of weights again."""
    known = prefixes(made)
    entries = []
    with open(path, "rb") as file:
        raw, header = read_header(file)
        for entry in sorted(header.values(), key=lambda entry: entry["data_offsets"][0]):
            first, last = entry["data_offsets"]
            file.seek(8 + len(raw) + first)
            data = file.read(last - first)
            recipe = known.get((data[:4 * PREFIX], *entry["shape"]))
            if recipe is None or bytes_of(recipe) != data:
                recipe = dict(bytes=base64.b64encode(data).decode())
            entries.append(recipe)
    with open(target, "w") as file:
        json.dump(dict(header=base64.b64encode(raw).decode(), tensors=entries), file)


def bytes_of(recipe):
    tensor = numbers(recipe["seed"], recipe["shape"], recipe["scale"])
    if recipe["transposed"]:
        tensor = tensor.t().contiguous()
    return tensor.flatten().numpy().tobytes()


def restore(source, path):
    with open(source) as file:
        stored = json.load(file)
    raw = base64.b64decode(stored["header"])
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(raw)) + raw)
        for parts in stored["tensors"]:
            file.write(base64.b64decode(parts["bytes"]) if "bytes" in parts else bytes_of(parts))
