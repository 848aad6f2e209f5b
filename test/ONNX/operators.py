"""Every operator alone: what its legalisation computes is what onnxruntime computes.

A case is a list of nodes on the inputs x0, x1, ..., which make z; constants are
initializers. The name of a case says what is special about it.
"""

import sys
import tempfile

import numpy as np
import execute
import onnx
from onnx import TensorProto, helper, numpy_helper

random = np.random.default_rng(0)


def f(*shape):
    return random.standard_normal(shape).astype(np.float32)


def i(values):
    return np.array(values, np.int64)


def node(kind, inputs, output="z", **attributes):
    return helper.make_node(kind, inputs.split(), output.split(), **attributes)


causal = np.tril(np.ones((4, 4), bool))
minus = np.where(causal, 0, -np.inf).astype(np.float32)
ragged = np.array([[1, 1, 1, 0], [1, 0, 1, 1], [1, 1, 1, 1], [0, 1, 0, 0]], bool)
q, k, v = f(2, 3, 4, 8), f(2, 3, 4, 8), f(2, 3, 4, 8)

# name: (opset, inputs, constants, nodes)
CASES = {
    "add-broadcast": (13, [f(2, 3, 4), f(3, 1)], {}, [node("Add", "x0 x1", "z")]),
    "arithmetic": (13, [f(2, 3), f(3)], {"two": np.float32(2)},
                   [node("Sub", "x0 x1", "a"), node("Mul", "a two", "b"), node("Div", "x1 two", "c"),
                    node("Max", "b c x0", "d"), node("Min", "d a", "z")]),
    "unary": (13, [np.abs(f(2, 3)) + 1], {},
              [node("Sqrt", "x0", "a"), node("Log", "a", "b"), node("Exp", "b", "c"), node("Neg", "c", "d"),
               node("Tanh", "d", "e"), node("Sigmoid", "e", "g"), node("Erf", "g", "h"),
               node("Reciprocal", "h", "j"), node("Abs", "j", "k"), node("Relu", "k", "l"),
               node("Sin", "l", "m"), node("Cos", "m", "n"), node("Floor", "x0", "o"), node("Ceil", "o", "p"),
               node("Add", "n p", "z")]),
    "pow": (13, [np.abs(f(2, 3))], {"three": np.float32(3), "half": np.float32(0.5), "minus": np.float32(-2),
                                     "odd": np.float32(1.7)},
            [node("Pow", "x0 three", "a"), node("Pow", "x0 half", "b"), node("Pow", "x0 minus", "c"),
             node("Pow", "x0 odd", "d"), node("Add", "a b", "e"), node("Add", "c d", "g"),
             node("Add", "e g", "z")]),
    "gelu": (20, [f(2, 3)], {}, [node("Gelu", "x0", "a"), node("Gelu", "a", "z", approximate="tanh")]),
    "where-compare": (16, [f(2, 3), f(2, 3)], {},
                      [node("Less", "x0 x1", "a"), node("GreaterOrEqual", "x0 x1", "b"), node("Or", "a b", "c"),
                       node("Not", "a", "d"), node("And", "c d", "e"), node("Where", "e x0 x1", "z")]),
    "cast": (13, [i([[0, 1, 2], [3, 0, 5]])], {"one": i([1])},
             [node("Cast", "x0", "a", to=TensorProto.BOOL), node("Cast", "a", "b", to=TensorProto.FLOAT),
              node("Equal", "x0 one", "c"), node("Cast", "c", "d", to=TensorProto.FLOAT), node("Add", "b d", "z")]),
    "expand": (13, [f(3, 1)], {"shape": i([2, 1, 4])}, [node("Expand", "x0 shape", "z")]),
    "matmul": (13, [f(2, 3, 4)], {"w": f(4, 5)}, [node("MatMul", "x0 w", "z")]),
    "matmul-batched": (13, [f(2, 1, 3, 4), f(5, 4, 6)], {}, [node("MatMul", "x0 x1", "z")]),
    "matmul-vectors": (13, [f(4), f(2, 4, 3), f(3)], {}, [node("MatMul", "x0 x1", "a"), node("MatMul", "a x2", "z")]),
    "linear": (13, [f(2, 3, 4)], {"w": f(5, 4), "b": f(5)},
               [node("Transpose", "w", "t", perm=[1, 0]), node("MatMul", "x0 t", "a"), node("Add", "a b", "z")]),
    "gemm": (13, [f(4, 3), f(5, 4)], {"c": f(3, 1)},
             [node("Gemm", "x0 x1 c", "z", transA=1, transB=1, alpha=0.5, beta=2.0)]),
    "gemm-between-reshapes": (13, [f(2, 3, 4)], {"w": f(4, 5), "b": f(5), "flat": i([-1, 4]), "back": i([2, 3, 5])},
                              [node("Reshape", "x0 flat", "a"), node("Gemm", "a w b", "c"),
                               node("Reshape", "c back", "z")]),
    "gemm-after-heads": (13, [f(2, 3, 2, 2)], {"w": f(4, 5), "b": f(5), "flat": i([6, 4])},
                         [node("Reshape", "x0 flat", "a"), node("Gemm", "a w b", "z")]),
    "residual": (13, [f(2, 3, 4), f(2, 3, 5)], {"w": f(4, 5)}, [node("MatMul", "x0 w", "a"), node("Add", "x1 a", "z")]),
    "reshapes": (13, [f(2, 6, 4)], {"a": i([0, 3, -1]), "b": i([1]), "c": i([1])},
                 [node("Reshape", "x0 a", "p"), node("Unsqueeze", "p b", "q"), node("Squeeze", "q c", "r"),
                  node("Flatten", "r", "z", axis=2)]),
    "transposes": (13, [f(2, 3, 4)], {}, [node("Transpose", "x0", "a", perm=[1, 2, 0]), node("Transpose", "a", "z")]),
    "split-concat": (18, [f(2, 7)], {"s": i([2, 4, 1])},
                     [node("Split", "x0 s", "a b c", axis=1), node("Concat", "c a b", "d", axis=-1),
                      node("Split", "d", "e g", axis=1, num_outputs=2), node("Concat", "g e", "z", axis=1)]),
    "slice": (13, [f(4, 9)], {"s": i([-3, 1]), "e": i([99, -1]), "a": i([0, 1]), "p": i([1, 3])},
              [node("Slice", "x0 s e a p", "z")]),
    "gather": (13, [i([[1, -1], [0, 2]])], {"t": f(5, 3)}, [node("Gather", "t x0", "z")]),
    "gather-axis": (13, [f(2, 5, 3)], {"n": i([[1, 3], [4, 0]])}, [node("Gather", "x0 n", "z", axis=1)]),
    "gather-one": (13, [f(2, 5, 3)], {"n": i(-2)}, [node("Gather", "x0 n", "z", axis=1)]),
    "gathernd-counting": (13, [f(2, 3)], {"n": i([[[[r, c] for c in range(3)]] for r in range(2)])},
                          [node("GatherND", "x0 n", "z")]),
    "gathernd": (13, [f(2, 3, 4)], {"n": i([[1, 2], [0, -1], [1, 0]])}, [node("GatherND", "x0 n", "z")]),
    "reductions": (13, [f(2, 3, 4)], {"ax": i([1])},
                   [node("ReduceMean", "x0", "a", axes=[-1], keepdims=1), node("ReduceSum", "x0 ax", "b", keepdims=0),
                    node("ReduceMax", "a", "c", axes=[0, 1], keepdims=1), node("Squeeze", "c", "d"),
                    node("Mul", "b d", "z")]),
    "reductions-18": (18, [f(2, 3, 4)], {"ax": i([0, 2])},
                      [node("ReduceMean", "x0 ax", "a"), node("ReduceMin", "x0 ax", "b"), node("ReduceProd", "x0", "c"),
                       node("Add", "a b", "d"), node("Mul", "d c", "z")]),
    "layer-norm": (17, [f(2, 3, 8)], {"w": f(8), "b": f(8)},
                   [node("LayerNormalization", "x0 w b", "z", epsilon=1e-3)]),
    "layer-norm-two-axes": (17, [f(2, 3, 8)], {"w": f(3, 8)}, [node("LayerNormalization", "x0 w", "z", axis=1)]),
    "rms-norm": (23, [f(2, 3, 8)], {"w": f(8)}, [node("RMSNormalization", "x0 w", "z")]),
    "softmax-axis": (13, [f(2, 3, 4)], {}, [node("Softmax", "x0", "z", axis=1)]),
    "softmax-causal": (13, [q, k], {"m": minus, "s": np.float32(0.3), "o": np.float32(0)},
                       [node("Transpose", "x1", "t", perm=[0, 1, 3, 2]), node("Mul", "x0 s", "a"),
                        node("Mul", "t s", "b"), node("MatMul", "a b", "c"), node("Add", "c m", "d"),
                        node("Softmax", "d", "e"), node("IsNaN", "e", "g"),
                        node("Where", "g o e", "z")]),
    "softmax-mask": (13, [q, k], {"m": ragged, "s": np.float32(0.3), "o": np.float32(-np.inf)},
                     [node("Transpose", "x1", "t", perm=[0, 1, 3, 2]), node("Mul", "x0 s", "a"),
                      node("MatMul", "a t", "c"), node("Where", "m c o", "d"), node("Softmax", "d", "z")]),
    "attention": (23, [q, k, v], {}, [node("Attention", "x0 x1 x2", "z")]),
    "attention-causal": (23, [q, k, v], {}, [node("Attention", "x0 x1 x2", "z", is_causal=1, scale=0.2)]),
    "attention-bool-mask": (23, [q, k, v], {"m": ragged}, [node("Attention", "x0 x1 x2 m", "z")]),
    "attention-float-mask": (23, [q, k, v], {"m": f(2, 1, 4, 4)}, [node("Attention", "x0 x1 x2 m", "z")]),
    "attention-groups": (23, [f(2, 6, 4, 8), f(2, 3, 5, 8), f(2, 3, 5, 8)], {},
                         [node("Attention", "x0 x1 x2", "z")]),
    "attention-3d": (23, [f(2, 4, 24), f(2, 4, 24), f(2, 4, 24)], {},
                     [node("Attention", "x0 x1 x2", "z", q_num_heads=3, kv_num_heads=3, is_causal=1)]),
    "cumsum": (14, [f(2, 3, 4)], {"a": i(1)},
               [node("CumSum", "x0 a", "c"), node("CumSum", "c a", "z", reverse=1, exclusive=1)]),
    "cumsum-integers": (14, [i([[1 << 24, 1, 1], [3, -(1 << 40), 5]])], {"a": i(1), "n": i([[-(1 << 24)], [1 << 40]])},
                        [node("CumSum", "x0 a", "c"), node("Add", "c n", "d"), node("Cast", "d", "z", to=TensorProto.FLOAT)]),
    "mod": (13, [i([[7, -7, 7, -7, 0]]), i([[3, 3, -3, -3, 5]])], {},
            [node("Mod", "x0 x1", "a"), node("Mod", "x0 x1", "b", fmod=1), node("Sub", "a b", "c"),
             node("Add", "a c", "d"), node("Cast", "d", "z", to=TensorProto.FLOAT)]),
    "mod-floats": (13, [f(3, 4) * 5, f(4)], {}, [node("Mod", "x0 x1", "z", fmod=1)]),
    "pow-integers": (13, [i([[0, 1, -1, 2, -3, 7]]), i([[5, 64, 63, 31, 7, 0]])], {"three": i(3), "half": np.float32(0.5)},
                     [node("Pow", "x0 x1", "a"), node("Pow", "x0 three", "b"), node("Abs", "b", "c"),
                      node("Pow", "c half", "d"), node("Add", "a b", "e"), node("Add", "e d", "g"),
                      node("Cast", "g", "z", to=TensorProto.FLOAT)]),
    "pow-signs": (13, [f(2, 6)], {"whole": np.float32([1, 2, 3, -2, 9, 0]), "nine": np.float32(9)},
                  [node("Pow", "x0 whole", "a"), node("Pow", "x0 nine", "b"), node("Add", "a b", "z")]),
    "divide-integers": (13, [i([[7, -7, 7, -7]]), i([[2, 2, -2, -2]])], {},
                        [node("Div", "x0 x1", "a"), node("Cast", "a", "z", to=TensorProto.FLOAT)]),
    "softmax-mask-scaled-away": (13, [f(4, 4)], {"m": np.float32(np.triu(np.full((4, 4), -2e4), 1)), "s": np.float32(1e-4)},
                                 [node("Add", "x0 m", "a"), node("Mul", "a s", "b"), node("Softmax", "b", "z")]),
    "softmax-rows-masked-out": (13, [f(4, 2)], {"m": np.float32(np.triu(np.full((4, 2), -2e4), -1))},
                                [node("Add", "x0 m", "a"), node("Softmax", "a", "z")]),
    "max-of-nan": (13, [np.float32([[np.nan, 1, 2]]), np.float32([[1, np.nan, 3]])], {},
                   [node("Max", "x0 x1", "a"), node("Min", "x0 x1", "b"), node("IsNaN", "a", "c"),
                    node("IsNaN", "b", "d"), node("And", "c d", "e"), node("Cast", "e", "z", to=TensorProto.FLOAT)]),
    "matmul-of-constants": (13, [f(2, 3, 5)], {"a": f(2, 3, 4), "b": f(4, 5)},
                            [node("Neg", "a", "c"), node("Neg", "b", "d"), node("MatMul", "c d", "e"),
                             node("Add", "x0 e", "z")]),
    "folding": (15, [f(4, 4)], {"n": np.float32(4), "zero": i(0), "one": i(1), "axis": i([1]), "ones": np.ones((4, 4), np.float32)},
                [node("Shape", "x0", "s"), node("Gather", "s zero", "r"), node("CastLike", "n zero", "l"),
                 node("Range", "zero r one", "a"), node("CumSum", "a zero", "c"), node("Add", "c l", "d"),
                 node("Unsqueeze", "d axis", "e"), node("Mul", "a one", "g"), node("LessOrEqual", "g e", "h"),
                 node("Trilu", "ones", "t", upper=0), node("Cast", "h", "p", to=1), node("Mul", "p t", "w"),
                 node("Mul", "x0 w", "z")]),
    "activations": (16, [f(4, 6) * 3, f(6)], {"lo": np.float32(-1), "hi": np.float32(2)},
                    [node("Clip", "x0 lo hi", "a"), node("Softplus", "x0", "b"), node("HardSigmoid", "x0", "c"),
                     node("HardSwish", "x0", "d"), node("LeakyRelu", "x0", "e"), node("Elu", "x0", "g", alpha=0.5),
                     node("Celu", "x0", "h", alpha=2.0), node("Selu", "x0", "i"), node("PRelu", "x0 x1", "j"),
                     node("ThresholdedRelu", "x0", "k"), node("Softsign", "x0", "l"), node("Sign", "x0", "m"),
                     node("Round", "x0", "n"), node("Shrink", "x0", "o", bias=0.2),
                     node("Sum", "a b c d e g h i j k l m n o", "p"), node("Mean", "p x1", "z")]),
    "mish": (18, [f(2, 3)], {}, [node("Mish", "x0")]),
    "is-inf": (13, [np.float32([1, np.inf, -np.inf, 0])], {},
               [node("IsInf", "x0", "a", detect_negative=0), node("Cast", "a", "z", to=TensorProto.FLOAT)]),
    "norms": (18, [f(2, 3, 4)], {"ax": i([1])},
              [node("ReduceL1", "x0 ax", "a"), node("ReduceL2", "x0 ax", "b"), node("ReduceSumSquare", "x0 ax", "c"),
               node("ReduceLogSumExp", "x0 ax", "d"), node("ReduceLogSum", "a ax", "e"), node("LogSoftmax", "x0", "g", axis=1),
               node("LpNormalization", "x0", "h", p=1), node("Sum", "a b c d e g h", "z")]),
    "group-norm-18": (18, [f(2, 6, 4)], {"s": f(2), "b": f(2)},
                      [node("GroupNormalization", "x0 s b", "z", num_groups=2)]),
    "group-norm-21": (21, [f(2, 6, 4)], {"s": f(6), "b": f(6)},
                      [node("GroupNormalization", "x0 s b", "z", num_groups=2)]),
    "instance-batch-norm": (15, [f(2, 3, 4)], {"s": f(3), "b": f(3), "m": f(3), "v": np.abs(f(3))},
                            [node("InstanceNormalization", "x0 s b", "a"), node("BatchNormalization", "a s b m v", "z")]),
    "layer-norm-scale": (17, [f(2, 3, 4)], {"s": f(3, 1), "b": f(3, 4)}, [node("LayerNormalization", "x0 s b", "z")]),
    "tile-pad": (19, [f(2, 3)], {"r": i([2, 1]), "p": i([1, 0, 0, 2]), "v": np.float32(0.5), "q": i([1, 2]), "ax": i([1])},
                 [node("Tile", "x0 r", "a"), node("Pad", "a p v", "b"), node("Pad", "b q v ax", "c", mode="edge"),
                  node("Pad", "c q v ax", "d", mode="reflect"), node("Pad", "d q v ax", "z", mode="wrap")]),
    "slice-backwards": (13, [f(4, 5)], {"s": i([-1, 4]), "e": i([-99, 0]), "a": i([0, 1]), "st": i([-1, -2])},
                        [node("Slice", "x0 s e a st", "z")]),
    "trilu-one-hot": (14, [f(2, 4, 5), i([[1, -1], [7, 0]])], {"k": i(1), "d": i([5]), "v": np.float32([-1, 2])},
                      [node("Trilu", "x0 k", "a"), node("OneHot", "x1 d v", "b"), node("ReduceSum", "b", "c"),
                       node("Add", "a c", "z")]),
    "depth-space": (13, [f(1, 8, 2, 3)], {}, [node("DepthToSpace", "x0", "a", blocksize=2), node("SpaceToDepth", "a", "z", blocksize=2)]),
    "gather-elements": (13, [f(3, 6), i([[0, -1], [5, 2], [3, 3]])], {}, [node("GatherElements", "x0 x1", "z", axis=1)]),
    "top-k": (13, [f(3, 6)], {"k": i([3])},
              [node("TopK", "x0 k", "v i"), node("ArgMin", "x0", "a", axis=1), node("Add", "a i", "b"),
               node("Cast", "b", "c", to=TensorProto.FLOAT), node("Add", "v c", "z")]),
    "scatters": (18, [f(3, 6), i([[0, -1], [5, 2], [3, 4]]), f(3, 2)], {"n": i([[2, 1], [0, -2]]), "u": f(2)},
                 [node("ScatterElements", "x0 x1 x2", "a", axis=1), node("ScatterElements", "a x1 x2", "b", axis=1, reduction="add"),
                  node("ScatterND", "b n u", "c"), node("ScatterND", "c n u", "z", reduction="add")]),
    "einsum": (13, [f(2, 5, 3, 4), f(2, 6, 3, 4), f(6)], {},
               [node("Einsum", "x0 x1", "a", equation="bqhd,bkhd->bhqk"), node("Einsum", "a x2", "z", equation="...k,k")]),
    "conv": (13, [f(2, 4, 9, 8)], {"w": f(6, 2, 3, 2), "b": f(6)},
             [node("Conv", "x0 w b", "z", group=2, strides=[2, 1], dilations=[1, 2], pads=[1, 0, 0, 2])]),
    "pools": (19, [f(2, 3, 7, 6)], {},
              [node("MaxPool", "x0", "a", kernel_shape=[3, 2], pads=[1, 0, 1, 1]),
               node("AveragePool", "a", "b", kernel_shape=[2, 3], strides=[2, 2], pads=[1, 1, 0, 1], count_include_pad=1),
               node("AveragePool", "b", "c", kernel_shape=[2, 2], auto_pad="SAME_UPPER"),
               node("GlobalAveragePool", "x0", "d"), node("GlobalMaxPool", "x0", "e"), node("Sum", "c d e", "z")]),
    "sequences": (13, [f(2, 7)], {"size": i(3), "p": i(1), "last": i(-1)},
                  [node("SplitToSequence", "x0 size", "s", axis=1), node("SequenceAt", "s p", "a"),
                   node("SequenceAt", "s last", "b"), node("Add", "a b", "z")]),
}


def build(opset, inputs, constants, nodes):
    kinds = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int64): TensorProto.INT64}
    graph = helper.make_graph(
        nodes, "case",
        [helper.make_tensor_value_info(f"x{n}", kinds[x.dtype], x.shape) for n, x in enumerate(inputs)],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(c), name) for name, c in constants.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def check(name, libraries, folder):
    opset, inputs, constants, nodes = CASES[name]
    path = f"{folder}/{name}.onnx"
    onnx.save(build(opset, inputs, constants, nodes), path)
    session = execute.session(path)
    want = session.run(None, {f"x{n}": x for n, x in enumerate(inputs)})[0].ravel()
    got, = execute.forward(path, inputs, libraries)
    np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-5, err_msg=name)


def check_undefined(libraries, folder):
    """What machines and onnxruntime leave undefined has one value, and does not trap."""
    lowest = -(1 << 63)
    for name, nodes, inputs, want in (
            ("divide", [node("Div", "x0 x1", "a")], [i([5, lowest, lowest]), i([0, -1, 0])], [0, lowest, 0]),
            ("modulo", [node("Mod", "x0 x1", "a")], [i([5, lowest, -5]), i([0, -1, 0])], [0, 0, 0]),
            ("power", [node("Pow", "x0 x1", "a")], [i([2, -1, 1, 0]), i([-1, -3, -2, -1])], [0, -1, 1, 0]),
            ("cast", [node("Cast", "x0", "a", to=TensorProto.INT32)],
             [np.float32([1e10, -1e10, np.nan, -2.7, np.inf])], [(1 << 31) - 1, -(1 << 31), 0, -2, (1 << 31) - 1])):
        for form in ("kernel", "folded"):
            constants = {f"x{n}": x for n, x in enumerate(inputs)} if form == "folded" else {}
            given = [f(len(want))] if constants else inputs
            made = build(13, given, {}, [*nodes, node("Cast", "a", "z", to=TensorProto.FLOAT)])
            if constants:  # the input is not read
                del made.graph.input[:]
                made.graph.input.append(helper.make_tensor_value_info("x", TensorProto.FLOAT, [len(want)]))
                made.graph.initializer.extend(numpy_helper.from_array(v, n) for n, v in constants.items())
                made.graph.node.append(node("Add", "z x", "y"))
                made.graph.output[0].name = "y"
                given = [np.zeros(len(want), np.float32)]
            onnx.save(made, f"{folder}/{name}.onnx")
            got, = execute.forward(f"{folder}/{name}.onnx", given, libraries)
            np.testing.assert_allclose(got, np.float32(want), rtol=1e-5, err_msg=f"{name}, {form}")


def main(libraries, names):
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names or CASES:
            try:
                check(name, libraries, folder)
            except Exception as error:  # every case is run, whatever the others do
                failed.append(name)
                print(f"{name}: {error}", file=sys.stderr)
        if not names:
            check_undefined(libraries, folder)
    print(f"{len(names or CASES) - len(failed)} operators agree with onnxruntime, not: {failed}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
