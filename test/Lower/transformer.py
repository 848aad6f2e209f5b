"""Writes a transformer of two layers, with heads and masks, for a batch and a sequence of
any size, also of one.

    transformer.py FILE.onnx BATCH SEQUENCE"""

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

random = np.random.default_rng(0)
WIDTH, HEADS, VOCABULARY = 8, 2, 11


class Graph:
    def __init__(self):
        self.nodes, self.weights = [], {}

    def weight(self, name, *shape):
        self.weights[name] = random.standard_normal(shape).astype(np.float32) / 2
        return name

    def constant(self, name, value):
        self.weights.setdefault(name, np.array(value))
        return name

    def node(self, kind, *inputs, **attributes):
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def linear(self, x, name, inputs, outputs):
        product = self.node("MatMul", x, self.weight(name + ".w", inputs, outputs))
        return self.node("Add", product, self.weight(name + ".b", outputs))

    def norm(self, x, name):
        return self.node("LayerNormalization", x, self.weight(name + ".w", WIDTH), self.weight(name + ".b", WIDTH))

    def heads(self, x, perm):
        split = self.node("Reshape", x, self.constant("heads", np.int64([0, 0, HEADS, WIDTH // HEADS])))
        return self.node("Transpose", split, perm=perm)

    def attention(self, x, name, mask):
        q, k, v = (f"{name}.{part}" for part in "qkv")
        joint = self.linear(x, name + ".qkv", WIDTH, 3 * WIDTH)
        self.nodes.append(helper.make_node("Split", [joint], [q, k, v], axis=-1, num_outputs=3))
        scores = self.node("MatMul", self.heads(q, [0, 2, 1, 3]), self.heads(k, [0, 2, 3, 1]))
        scaled = self.node("Mul", scores, self.constant("scale", np.float32(0.5)))
        chosen = self.node("Softmax", self.node("Add", scaled, mask), axis=-1)
        mixed = self.node("Transpose", self.node("MatMul", chosen, self.heads(v, [0, 2, 1, 3])), perm=[0, 2, 1, 3])
        joined = self.node("Reshape", mixed, self.constant("joined", np.int64([0, 0, WIDTH])))
        return self.linear(joined, name + ".o", WIDTH, WIDTH)

    def layer(self, x, name, mask):
        x = self.node("Add", x, self.attention(self.norm(x, name + ".n1"), name, mask))
        inner = self.node("Gelu", self.linear(self.norm(x, name + ".n2"), name + ".up", WIDTH, 2 * WIDTH))
        return self.node("Add", x, self.linear(inner, name + ".down", 2 * WIDTH, WIDTH))


def main(path, batch, sequence):
    g = Graph()
    words = g.node("Gather", g.weight("words", VOCABULARY, WIDTH), "ids")
    x = g.node("Add", words, g.weight("positions", 1, sequence, WIDTH))
    for i in range(2):
        x = g.layer(x, f"layers.{i}", "mask")
    logits = g.node("MatMul", g.norm(x, "n"), g.weight("head", WIDTH, VOCABULARY))
    g.nodes[-1].output[0] = logits = "logits"
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        g.nodes, "transformer", [info("ids", TensorProto.INT64, [batch, sequence]),
                                 info("mask", TensorProto.FLOAT, [batch, 1, 1, sequence])],
        [info(logits, TensorProto.FLOAT, [batch, sequence, VOCABULARY])],
        [numpy_helper.from_array(v, n) for n, v in g.weights.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
