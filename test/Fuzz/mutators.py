"""Changes to bytes, text, JSON values and ONNX graphs, each drawn from a random.Random."""
import json
import re

import onnx

NUMBERS = [0, 1, -1, 2, 3, 7, 63, 64, 65, 255, 256, 65535, 65536, 2**31 - 1, 2**31, -2**31, 2**32, 2**62, 2**63 - 1,
           -2**63, 2**64, 10**30]
WORDS = ["", "nan", "inf", "-inf", "1e400", "1e-60", "null", "\0", "\x1b[2J", "é", "\ufeff", "\"", "'", "..", "/", "x" * 300]


def change_bytes(random, data):
    """Flips, cuts, doubles, inserts or drops a piece."""
    data = bytearray(data)
    for _ in range(random.choice([1, 1, 1, 2, 5])):
        at = random.randrange(len(data) + 1)
        size = random.choice([1, 1, 2, 4, 8, 64])
        kind = random.randrange(5)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << random.randrange(8)
        elif kind == 1:
            del data[at:]
        elif kind == 2:
            data[at:at] = data[at:at + size]
        elif kind == 3:
            data[at:at] = random.randbytes(size)
        else:
            del data[at:at + size]
    return bytes(data)


def change_text(random, text):
    """Replaces a number or a word by another one of the text or an odd one, or moves, doubles or drops a line."""
    for _ in range(random.choice([1, 1, 1, 2, 4])):
        kind = random.randrange(6)
        if kind < 3:
            found = list(re.finditer(r"-?\d+" if kind < 2 else r"[A-Za-z_][\w.]*", text))
            if not found:
                continue
            place = random.choice(found)
            others = [m.group() for m in found[:200]]
            new = random.choice([str(random.choice(NUMBERS if kind < 2 else WORDS)), random.choice(others)])
            if kind == 1 and random.randrange(2):
                new = str(int(place.group()) + random.choice([-1, 1]))
            text = text[:place.start()] + new + text[place.end():]
            continue
        lines = text.split("\n")
        at = random.randrange(len(lines))
        if kind == 3:
            lines.insert(random.randrange(len(lines)), lines.pop(at))
        elif kind == 4:
            lines.insert(at, lines[at])
        else:
            del lines[at]
        text = "\n".join(lines)
    return text


def change_json(random, value):
    """Replaces a value somewhere inside by an odd one, or drops or renames a key."""
    places = []

    def collect(owner):
        for key in list(owner) if isinstance(owner, dict) else range(len(owner)):
            places.append((owner, key))
            if isinstance(owner[key], (dict, list)):
                collect(owner[key])

    value = json.loads(json.dumps(value))
    collect(value)
    owner, key = random.choice(places)
    kind = random.randrange(4)
    if kind == 0 and isinstance(owner, dict):
        owner[str(random.choice(WORDS))] = owner.pop(key)
    elif kind == 1:
        del owner[key]
    else:
        owner[key] = random.choice([*NUMBERS, 0.5, -0.5, 1e300, None, True, "text", [], {}, [1, 2]])
    return value


def change_attribute(random, model):
    nodes = [n for n in model.graph.node if n.attribute]
    if not nodes:
        return
    attribute = random.choice(random.choice(nodes).attribute)
    if attribute.type == onnx.AttributeProto.INT:
        attribute.i = random.choice([v for v in NUMBERS if -2**63 <= v < 2**63])
    elif attribute.type == onnx.AttributeProto.INTS and attribute.ints:
        attribute.ints[random.randrange(len(attribute.ints))] = random.choice([0, 1, -1, 2, 5, 99, 2**62, -2**63])
    elif attribute.type == onnx.AttributeProto.FLOAT:
        attribute.f = random.choice([0.0, -1.0, 1e30, float("nan"), float("inf")])
    else:
        attribute.name = random.choice(["axis", "to", "perm", "unknown"])


def change_input(random, model):
    node = random.choice(model.graph.node)
    names = [o for n in model.graph.node for o in n.output] + [t.name for t in model.graph.initializer] + [""]
    if node.input and random.randrange(4):
        node.input[random.randrange(len(node.input))] = random.choice(names)
    elif random.randrange(2):
        node.input.append(random.choice(names))
    elif node.input:
        node.input.pop()


def change_node(random, model):
    nodes = model.graph.node
    kind = random.randrange(3)
    node = random.choice(nodes)
    if kind == 0:
        node.op_type = random.choice([n.op_type for n in nodes] + ["Relu", "Einsum", "Loop", "TopK", "Softmax", "Mod"])
    elif kind == 1:
        nodes.remove(node)
    else:
        node.output[0] = random.choice([o for n in nodes for o in n.output])


def change_tensor(random, model):
    tensor = random.choice(model.graph.initializer)
    kind = random.randrange(4)
    if kind == 0 and tensor.dims:
        tensor.dims[random.randrange(len(tensor.dims))] = random.choice([0, 1, 2, 3, -1, 2**31, 2**62])
    elif kind == 1:
        tensor.data_type = random.choice([0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 14, 16, 17, 22, 99])
    elif kind == 2:
        tensor.raw_data = tensor.raw_data[:random.randrange(len(tensor.raw_data) + 1)]
    else:
        tensor.name = random.choice([t.name for t in model.graph.initializer])


def change_number(random, model):
    """One number of a constant of integers, such as a shape, an axis or an index."""
    tensors = [t for t in model.graph.initializer if t.data_type == onnx.TensorProto.INT64 and len(t.raw_data) >= 8]
    if not tensors:
        return
    tensor = random.choice(tensors)
    at = random.randrange(len(tensor.raw_data) // 8) * 8
    new = random.choice([v for v in NUMBERS if -2**63 <= v < 2**63])
    tensor.raw_data = tensor.raw_data[:at] + new.to_bytes(8, "little", signed=True) + tensor.raw_data[at + 8:]


def change_interface(random, model):
    value = random.choice([*model.graph.input, *model.graph.output])
    kind = random.randrange(3)
    if kind == 0:
        value.type.tensor_type.elem_type = random.choice([0, 1, 6, 7, 9, 10, 11, 16, 8])
    elif kind == 1 and value.type.tensor_type.shape.dim:
        dim = random.choice(value.type.tensor_type.shape.dim)
        if random.randrange(2):
            dim.dim_value = random.choice([0, 1, 3, -1, 17, 2**31, 2**62])
        else:
            dim.dim_param = "n"
    else:
        model.opset_import[0].version = random.choice([1, 12, 13, 17, 21, 24, 2**40])


def change_model(random, model):
    for _ in range(random.choice([1, 1, 2])):
        changes = [change_attribute, change_input, change_node, change_tensor, change_number, change_interface]
        random.choice(changes)(random, model)
