"""Small models for the tests of importing."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

KIND = "pkg.torch.export.graph_signature.InputSpec.kind"
FOLDED = "pkg.onnxscript.optimizer.folded_from"


def model(nodes, initializers, shape=(2, 4), opset=18, marks=(), metadata=(), output_shape=None):
    """x -> y. `marks` is (initializer, key, value) as PyTorch writes them."""
    infos = {}
    for name, key, value in marks:
        array = initializers[name]
        info = infos.setdefault(name, helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape))
        info.metadata_props.add(key=key, value=value)
    graph = helper.make_graph(
        nodes, "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, output_shape)],
        [numpy_helper.from_array(array, name) for name, array in initializers.items()],
        value_info=list(infos.values()))
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    for key, value in metadata:
        made.metadata_props.add(key=key, value=value)
    return made


def node(kind, inputs, output="y", **attributes):
    return helper.make_node(kind, inputs.split(), output.split(), name=f"node_{output.split()[0]}", **attributes)


def table(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def linear(**options):
    return model([node("MatMul", "x w")], {"w": table(4, 3)}, **options)


def save_external(made, folder, name="external.onnx"):
    onnx.save_model(made, f"{folder}/{name}", save_as_external_data=True, location="weights.bin",
                    size_threshold=0)
    return f"{folder}/{name}"
