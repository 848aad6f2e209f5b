"""Compile time and memory for a GPT of 48 layers, hidden 1600, whose 6.5 GB of
weights lie in a sparse file beside the model.

    python bench/compile_time.py [--layers 48] [--devices 4]"""

import argparse
import math
import pathlib

import onnx
import process
from onnx import TensorProto, helper

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Builder:
    """Collects nodes, and initializers that take up no memory."""

    def __init__(self, weights):
        self.weights, self.size = weights, 0
        self.nodes, self.initializers = [], []

    def parameter(self, name, *shape):
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape,
                             data_location=TensorProto.EXTERNAL)
        length = 4 * math.prod(shape)
        for key, value in (("location", self.weights), ("offset", self.size), ("length", length)):
            tensor.external_data.add(key=key, value=str(value))
        self.size += length
        self.initializers.append(tensor)
        return name

    def node(self, kind, *inputs, outputs=1, **attributes):
        names = [f"{kind}_{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, names[0], **attributes))
        return names[0] if outputs == 1 else names

    def norm(self, x, name, hidden):
        return self.node("LayerNormalization", x, self.parameter(f"{name}.weight", hidden),
                         self.parameter(f"{name}.bias", hidden), epsilon=1e-5)

    def linear(self, x, name, inputs, outputs):
        product = self.node("MatMul", x, self.parameter(f"{name}.weight", inputs, outputs))
        return self.node("Add", product, self.parameter(f"{name}.bias", outputs))

    def block(self, x, name, hidden, heads):
        qkv = self.linear(self.norm(x, f"{name}.ln_1", hidden), f"{name}.attn.c_attn",
                          hidden, 3 * hidden)
        q, k, v = self.node("Split", qkv, outputs=3, axis=-1, num_outputs=3)
        attention = self.node("Attention", q, k, v, is_causal=1, q_num_heads=heads,
                              kv_num_heads=heads)
        x = self.node("Add", x, self.linear(attention, f"{name}.attn.c_proj", hidden, hidden))
        up = self.linear(self.norm(x, f"{name}.ln_2", hidden), f"{name}.mlp.c_fc",
                         hidden, 4 * hidden)
        active = self.node("Gelu", up, approximate="tanh")
        down = self.linear(active, f"{name}.mlp.c_proj", 4 * hidden, hidden)
        return self.node("Add", x, down)


def write_model(folder, layers, hidden, heads, vocabulary, sequence):
    """Writes model.onnx and its weights, which are holes in a file."""
    b = Builder("weights.bin")
    positions = helper.make_tensor("positions", TensorProto.INT64, [sequence], range(sequence))
    x = b.node("Add", b.node("Gather", b.parameter("wte.weight", vocabulary, hidden), "ids"),
               b.node("Gather", b.parameter("wpe.weight", sequence, hidden), "positions"))
    for layer in range(layers):
        x = b.block(x, f"h.{layer}", hidden, heads)
    x = b.norm(x, "ln_f", hidden)
    logits = b.node("MatMul", x, b.parameter("head.weight", hidden, vocabulary))
    graph = helper.make_graph(
        b.nodes, "gpt", [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, sequence])],
        [helper.make_tensor_value_info(logits, TensorProto.FLOAT, [1, sequence, vocabulary])],
        b.initializers + [positions])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)])
    onnx.save(model, folder / "model.onnx")
    with open(folder / b.weights, "wb") as weights:
        weights.truncate(b.size)
    return b.size


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=48)
    parser.add_argument("--hidden", type=int, default=1600)
    parser.add_argument("--heads", type=int, default=25)
    parser.add_argument("--vocabulary", type=int, default=50257)
    parser.add_argument("--sequence", type=int, default=1024)
    parser.add_argument("--devices", type=int, default=4)
    parser.add_argument("--pipeline", default="bitpipe")
    parser.add_argument("--emit", default="program", help="'plan-file' also copies the weights")
    parser.add_argument("--folder", type=pathlib.Path,
                        default=ROOT / "build" / "bench" / "compile")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    size = write_model(args.folder, args.layers, args.hidden, args.heads, args.vocabulary,
                       args.sequence)
    out = [] if args.emit == "plan-file" else [f"--emit={args.emit}"]
    done = process.run([
        ROOT / "build/bin/bitpipe-opt", args.folder / "model.onnx",
        f"--pipeline={args.pipeline}", f"--devices={args.devices}", *out,
        "--force", "-o", args.folder / "plan.mlir"])
    (args.folder / "plan.weights.safetensors").unlink(missing_ok=True)  # as large as the weights
    print(f"{args.layers} layers, hidden {args.hidden}, weights {size / 2**30:.1f} GiB: "
          f"compiled in {done.seconds:.2f} s, peak memory {done.memory / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
