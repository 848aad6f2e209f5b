"""ONNX files of large models whose weights take up no room: their file is a hole.

What a model costs follows from its shapes, so bitpipe-opt reports on such a file and makes
plans of it; the weights are zeros, and nothing is to be trained from them."""

import json
import math

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Builder:
    """Collects nodes, and initializers that take up no memory."""

    def __init__(self):
        self.size = 0
        self.nodes, self.initializers, self.parameters = [], [], []

    def parameter(self, name, *shape):
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape,
                             data_location=TensorProto.EXTERNAL)
        length = 4 * math.prod(shape)
        for key, value in (("location", WEIGHTS), ("offset", self.size), ("length", length)):
            tensor.external_data.add(key=key, value=str(value))
        self.size += length
        self.initializers.append(tensor)
        self.parameters.append(name)
        return name

    def constant(self, name, values):
        self.initializers.append(numpy_helper.from_array(values, name))
        return name

    def node(self, kind, *inputs, outputs=1, **attributes):
        names = [f"{kind}_{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, names[0], **attributes))
        return names[0] if outputs == 1 else names

    def table(self, name, rows, hidden, indices):
        return self.node("Gather", self.parameter(name, rows, hidden), indices)

    def norm(self, x, name, hidden):
        return self.node("LayerNormalization", x, self.parameter(f"{name}.weight", hidden),
                         self.parameter(f"{name}.bias", hidden), epsilon=1e-5)

    def rms_norm(self, x, name, hidden):
        return self.node("RMSNormalization", x, self.parameter(f"{name}.weight", hidden), epsilon=1e-5)

    def product(self, x, name, inputs, outputs):
        return self.node("MatMul", x, self.parameter(f"{name}.weight", inputs, outputs))

    def linear(self, x, name, inputs, outputs):
        return self.node("Add", self.product(x, name, inputs, outputs), self.parameter(f"{name}.bias", outputs))

    def save(self, folder, inputs, batch, sequence, logits, classes):
        """Writes model.onnx, whose inputs are ids, and the hole."""
        graph = helper.make_graph(
            self.nodes, "model",
            [helper.make_tensor_value_info(name, TensorProto.INT64, [batch, sequence]) for name in inputs],
            [helper.make_tensor_value_info(logits, TensorProto.FLOAT, [batch, sequence, classes])],
            self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)])
        helper.set_model_props(model, {"bitpipe.parameters": json.dumps(self.parameters)})
        folder.mkdir(parents=True, exist_ok=True)
        onnx.save(model, folder / "model.onnx")
        with open(folder / WEIGHTS, "wb") as weights:
            weights.truncate(self.size)
        return self.size


WEIGHTS = "weights.bin"


def attention(b, x, name, hidden, heads, causal):
    qkv = b.linear(x, f"{name}.c_attn", hidden, 3 * hidden)
    q, k, v = b.node("Split", qkv, outputs=3, axis=-1, num_outputs=3)
    mixed = b.node("Attention", q, k, v, is_causal=int(causal), q_num_heads=heads, kv_num_heads=heads)
    return b.linear(mixed, f"{name}.c_proj", hidden, hidden)


def block(b, x, name, hidden, heads, causal, approximate):
    """A layer of GPT-2, or of Megatron's BERT, which normalises in front, too."""
    x = b.node("Add", x, attention(b, b.norm(x, f"{name}.ln_1", hidden), f"{name}.attn", hidden, heads, causal))
    up = b.linear(b.norm(x, f"{name}.ln_2", hidden), f"{name}.mlp.c_fc", hidden, 4 * hidden)
    down = b.linear(b.node("Gelu", up, approximate=approximate), f"{name}.mlp.c_proj", 4 * hidden, hidden)
    return b.node("Add", x, down)


def positions(b, sequence):
    return b.constant("positions", np.arange(sequence, dtype=np.int64))


def gpt(folder, layers, hidden, heads, sequence, vocabulary, batch=1):
    """GPT-2 with a head of its own. Returns the bytes of its weights in f32, as all here."""
    b = Builder()
    x = b.node("Add", b.table("wte.weight", vocabulary, hidden, "ids"),
               b.table("wpe.weight", sequence, hidden, positions(b, sequence)))
    for layer in range(layers):
        x = block(b, x, f"h.{layer}", hidden, heads, True, "tanh")
    x = b.norm(x, "ln_f", hidden)
    logits = b.product(x, "head", hidden, vocabulary)
    return b.save(folder, ["ids"], batch, sequence, logits, vocabulary)


def bert(folder, layers, hidden, heads, sequence, vocabulary, batch=1):
    """Megatron's BERT for masked tokens, with a head of its own; sequences are full, so that
    there is no mask, and the guess whether sentences follow each other is left out."""
    b = Builder()
    words = b.node("Add", b.table("words.weight", vocabulary, hidden, "ids"),
                   b.table("positions.weight", sequence, hidden, positions(b, sequence)))
    x = b.node("Add", words, b.table("types.weight", 2, hidden, "types"))
    for layer in range(layers):
        x = block(b, x, f"layer.{layer}", hidden, heads, False, "none")
    x = b.norm(x, "ln_f", hidden)
    x = b.node("Gelu", b.linear(x, "head.dense", hidden, hidden), approximate="none")
    logits = b.linear(b.norm(x, "head.norm", hidden), "head.words", hidden, vocabulary)
    return b.save(folder, ["ids", "types"], batch, sequence, logits, vocabulary)


def heads_of(b, x, count, size):
    """[batch, heads, sequence, size]"""
    split = b.node("Reshape", x, b.constant(f"shape_{len(b.nodes)}", np.array([0, 0, count, size])))
    return b.node("Transpose", split, perm=[0, 2, 1, 3])


def rotary(b, x):
    low, high = b.node("Split", x, outputs=2, axis=-1, num_outputs=2)
    turned = b.node("Concat", b.node("Neg", high), low, axis=-1)
    return b.node("Add", b.node("Mul", x, "cos"), b.node("Mul", turned, "sin"))


def llama_attention(b, x, name, hidden, heads, groups):
    size = hidden // heads
    q, k, v = (heads_of(b, b.product(x, f"{name}.{part}", hidden, count * size), count, size)
               for part, count in (("q", heads), ("k", groups), ("v", groups)))
    mixed = b.node("Attention", rotary(b, q), rotary(b, k), v, is_causal=1)
    joined = b.node("Reshape", b.node("Transpose", mixed, perm=[0, 2, 1, 3]),
                    b.constant(f"shape_{len(b.nodes)}", np.array([0, 0, hidden])))
    return b.product(joined, f"{name}.o", hidden, hidden)


def llama_block(b, x, name, hidden, heads, groups, inner):
    mixed = llama_attention(b, b.rms_norm(x, f"{name}.input_norm", hidden), f"{name}.attn", hidden, heads, groups)
    x = b.node("Add", x, mixed)
    n = b.rms_norm(x, f"{name}.mlp_norm", hidden)
    gate = b.product(n, f"{name}.mlp.gate", hidden, inner)
    gate = b.node("Mul", gate, b.node("Sigmoid", gate))
    up = b.node("Mul", gate, b.product(n, f"{name}.mlp.up", hidden, inner))
    return b.node("Add", x, b.product(up, f"{name}.mlp.down", inner, hidden))


def llama(folder, layers, hidden, heads, groups, inner, sequence, vocabulary, batch=1):
    """LLaMA with `groups` heads of keys and values."""
    b = Builder()
    size = hidden // heads
    angles = np.arange(sequence)[:, None] * np.tile(10000.0 ** (-np.arange(0, size, 2) / size), 2)
    for name, function in (("cos", np.cos), ("sin", np.sin)):
        b.constant(name, function(angles).astype(np.float32))
    x = b.table("embed.weight", vocabulary, hidden, "ids")
    for layer in range(layers):
        x = llama_block(b, x, f"layers.{layer}", hidden, heads, groups, inner)
    x = b.rms_norm(x, "norm", hidden)
    logits = b.product(x, "head", hidden, vocabulary)
    return b.save(folder, ["ids"], batch, sequence, logits, vocabulary)
