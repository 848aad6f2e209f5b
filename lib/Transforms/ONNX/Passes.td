#ifndef BITPIPE_TRANSFORMS_ONNX_PASSES_TD
#define BITPIPE_TRANSFORMS_ONNX_PASSES_TD

include "mlir/Pass/PassBase.td"

def ImportOnnx : Pass<"pipe-import-onnx", "mlir::ModuleOp"> {
  let summary = "Fills an empty module with the model in an ONNX file";
  let description = [{
    Expects an empty module. Leaves `pipe.model`, a `pipe.parameter` per
    initializer that is used, and `func.func @forward` in which every node of
    the file is one `pipe.onnx_node`; values whose type only inference can say
    are `!pipe.unknown`. Weights are not read: a parameter points into its
    file. What is trained, restored or left out goes to the standard error.
  }];
  let options = [
    Option<"path", "path", "std::string", "", "the ONNX file">,
    ListOption<"dims", "dims", "std::string",
               "values of symbolic dimensions, NAME:K">,
    Option<"train", "train", "std::string", "",
           "regular expression: also train these">,
    Option<"freeze", "freeze", "std::string", "",
           "regular expression: do not train these">];
}

def CheckNodes : Pass<"pipe-check-nodes", "mlir::ModuleOp"> {
  let summary = "Reports every ONNX node that is not supported, all at once";
  let description = [{
    Expects imported nodes, changes nothing. Fails, with one error per node
    that names it, when the operator, its operator set, its inputs or one of
    its attributes are not supported, before anything else happens.

    ```mlir
    %0 = pipe.onnx_node "Det"(%x) opset 23 present [true] {} : (tensor<2x4xf32>) -> !pipe.unknown
    // error: Det 'node_det': not supported: this operator
    ```
  }];
}

def FoldNodes : Pass<"pipe-fold-nodes", "mlir::ModuleOp"> {
  let summary = "Infers all types and computes what depends on constants only";
  let description = [{
    Expects nodes on `!pipe.unknown` values. Leaves static types everywhere and
    no node whose operands are all constant: those are `arith.constant`.
    Sequences, casts to the same type and identities are gone.

    One walk in program order. A node's result types follow from its operand
    types and constant operands; if all operands are constant it is computed.
    The two go together because shapes are computed by nodes.

    ```mlir
    %n = pipe.onnx_node "Shape"(%x) opset 23 present [true] {} : (tensor<2x8xf32>) -> !pipe.unknown
    // becomes
    %n = arith.constant dense<[2, 8]> : tensor<2xi64>
    ```
  }];
  let dependentDialects = ["mlir::arith::ArithDialect"];
}

def ComputeInF32 : Pass<"pipe-compute-in-f32", "mlir::ModuleOp"> {
  let summary = "Half and double precision become f32";
  let description = [{
    Expects typed nodes. Leaves no f16, bf16 and f64: inputs, constants and
    results are f32, casts between float types are gone, and a parameter that
    the file holds in another type is f32 with `stored`. A constant that is
    finite stays finite, so that masks are masks still. One remark says which
    types the file computes in, in how many nodes, and names the first.

    ```mlir
    %h = pipe.onnx_node "Cast"(%x) opset 18 present [true] {to = 10 : i64} : (tensor<4xf32>) -> tensor<4xf16>
    %y = pipe.onnx_node "Exp"(%h) opset 18 present [true] {} : (tensor<4xf16>) -> tensor<4xf16>
    // becomes
    %y = pipe.onnx_node "Exp"(%x) opset 18 present [true] {} : (tensor<4xf32>) -> tensor<4xf32>
    // remark: computed in f32: 2 nodes that the file computes in f16, first Cast 'h'
    ```
  }];
}

def ExpandFunctions : Pass<"pipe-expand-functions", "mlir::func::FuncOp"> {
  let summary = "Operators that others can express, in terms of those";
  let description = [{
    Expects typed nodes; leaves only operators that have a legalisation, and
    those that fold. Activations choose with Where, norms are reductions with a
    function before and after, windows of Conv and pooling are strided slices,
    Einsum is matrix products between transposes, Attention two of them around
    scale, masks and Softmax. Where a node's attributes ask for nothing special (a Slice that runs forwards,
    a scale of the normalised shape) it stays.

    ```mlir
    %y = pipe.onnx_node "Clip"(%x, %low) ... : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
    // becomes
    %c = pipe.onnx_node "Less"(%x, %low) ... : (tensor<4xf32>, tensor<f32>) -> tensor<4xi1>
    %y = pipe.onnx_node "Where"(%c, %low, %x) ...
    ```
  }];
  let dependentDialects = ["mlir::arith::ArithDialect"];
}

def LegalizeDropout : Pass<"pipe-legalize-dropout", "mlir::func::FuncOp"> {
  let summary = "Dropout in training mode to pipe.dropout";
  let description = [{
    Expects typed nodes; leaves no Dropout. Those that drop nothing are gone
    already (pipe-fold-nodes). The others are numbered in the order of the
    nodes; from then on the number stands for the masks. Ratio and training
    mode must be constant, and the mask must not be used.

    ```mlir
    %y, %mask = pipe.onnx_node "Dropout"(%x, %ratio, %true) ...
    // becomes
    %key = pipe.dropout_key 0 : tensor<i64>
    %y = pipe.dropout ratio 0.1 ins(%x, %key : tensor<4x8xf32>, tensor<i64>)
      outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let dependentDialects = ["mlir::tensor::TensorDialect"];
}

def FuseAttention : Pass<"pipe-fuse-attention", "mlir::ModuleOp"> {
  let summary = "Two products around a softmax to pipe.attention";
  let description = [{
    Expects typed nodes, Attention and Dropout expanded. Leaves a `pipe.attention`
    for every Softmax between the product of q and k and the product with v that it
    can express, and says of each other one, in one line, why it stays: in
    `pipe.model`, and as a remark.

    It looks at nodes, not at level 0, because there a mask, a factor or a repeated
    head still is a node of its own, whatever the exporter; transposes and reshapes
    that it adds cancel with those of the model when these become views.

    From the softmax down to the first product: constant factors become `scale`,
    `C tanh(s / C)` becomes `softcap`, a constant mask that is a band becomes
    `left` and `right`, all else that is added or masked with -infinity is summed up
    as the bias. A mask that is finite and no constant stays, since it may leave a
    row with nothing else. A guard that makes NaN rows zero is dropped, a dropout
    of the probabilities becomes that of the attention, and heads of k and v
    that are repeated for several heads of q are not any more. With `decomposed` all
    stays as it is.

    ```mlir
    %s = pipe.onnx_node "MatMul"(%q, %k) ... : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
    %t = pipe.onnx_node "Where"(%tril, %s, %never) ...
    %p = pipe.onnx_node "Softmax"(%t) ...
    %y = pipe.onnx_node "MatMul"(%p, %v) ...
    // becomes, between transposes
    %o, %lse = pipe.attention right 0 ins(%q_, %k_, %v_ : tensor<2x6x4x8xf32>, ...) outs(...)
    ```
  }];
  let options = [Option<"decomposed", "decomposed", "bool", "false",
                        "leave every attention in several operations">];
  let dependentDialects = ["bitpipe::pipe::PipeDialect", "mlir::arith::ArithDialect",
                           "mlir::tensor::TensorDialect"];
}

def LegalizeSoftmax : Pass<"pipe-legalize-softmax", "mlir::ModuleOp"> {
  let summary = "Softmax to pipe.softmax, with its scale and causal mask";
  let description = [{
    Expects typed nodes; leaves no Softmax. The operand is looked through:
    constant factors, also those of a product's operands, become `scale`, and
    adding or choosing by a constant that is exactly the causal mask becomes
    `causal`. Other masks stay as they are. A guard that makes NaN rows zero
    is dropped, because rows without any element are zero in pipe.softmax.

    ```mlir
    %s = pipe.onnx_node "Div"(%p, %two) ...
    %t = pipe.onnx_node "Add"(%s, %causal_mask) ...
    %y = pipe.onnx_node "Softmax"(%t) ...
    // becomes
    %y = pipe.softmax scale 0.5 causal ins(%p : tensor<1x3x3xf32>) outs(%e : tensor<1x3x3xf32>) -> tensor<1x3x3xf32>
    ```
  }];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::linalg::LinalgDialect",
                           "mlir::tensor::TensorDialect"];
}

class Legalize<string name> : Pass<"pipe-legalize-" # name, "mlir::func::FuncOp"> {
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::linalg::LinalgDialect",
                           "mlir::math::MathDialect",
                           "mlir::tensor::TensorDialect"];
}

def LegalizeViews : Legalize<"views"> {
  let summary = "Reshape, Transpose, Split, Slice, Concat and their like";
  let description = [{
    Expects typed nodes; leaves none of these kinds. A reshape is a
    `tensor.collapse_shape` to the dimensions that both shapes share, then a
    `tensor.expand_shape`; parts are `tensor.extract_slice`.

    ```mlir
    %0 = pipe.onnx_node "Reshape"(%x, %shape) ... : (tensor<2x6x4xf32>, tensor<3xi64>) -> tensor<2x3x8xf32>
    // becomes
    %c = tensor.collapse_shape %x [[0], [1, 2]] : tensor<2x6x4xf32> into tensor<2x24xf32>
    %0 = tensor.expand_shape %c [[0], [1, 2]] output_shape [2, 3, 8] : tensor<2x24xf32> into tensor<2x3x8xf32>
    ```
  }];
}

def LegalizeElementwise : Legalize<"elementwise"> {
  let summary = "Scalar functions on tensors to linalg.generic";
  let description = [{
    Expects typed nodes; leaves none of these kinds. Operands are broadcast by
    their indexing map, after dimensions of one that are repeated have been
    dropped from them; a constant of one number becomes a scalar in the body.
    A power with a small whole exponent becomes products.

    ```mlir
    %0 = pipe.onnx_node "Mul"(%x, %two) ... : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
    // becomes
    %0 = linalg.generic {indexing_maps = [#d0, #d0], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) {
    ^bb0(%in: f32, %out: f32):
      %cst = arith.constant 2.0 : f32
      %1 = arith.mulf %in, %cst : f32
      linalg.yield %1 : f32
    } -> tensor<4xf32>
    ```
  }];
}

def LegalizeContractions : Legalize<"contractions"> {
  let summary = "MatMul and Gemm to linalg.generic";
  let description = [{
    Expects typed nodes and legal views; leaves no MatMul and Gemm. Transposed
    operands of Gemm become indexing maps, its bias the destination. Where its
    rows were flattened just before, the product is made in the dimensions
    they had, so that the reshapes around it cancel.

    ```mlir
    %a = tensor.collapse_shape %x [[0, 1], [2]] : tensor<2x3x4xf32> into tensor<6x4xf32>
    %0 = pipe.onnx_node "Gemm"(%a, %w, %b) ... {transB = 1}
    %y = tensor.expand_shape %0 [[0, 1], [2]] output_shape [2, 3, 5] : tensor<6x5xf32> into tensor<2x3x5xf32>
    // becomes, with %s the broadcast of %b and w read as (n, k)
    %y = linalg.generic {...} ins(%x, %w : tensor<2x3x4xf32>, tensor<5x4xf32>) outs(%s : tensor<2x3x5xf32>)
    ```
  }];
}

def LegalizeCumSum : Legalize<"cumsum"> {
  let summary = "Running sums as products with a triangle of ones";
  let description = [{
    Expects typed nodes; leaves no CumSum. The sums are made in the operand's own
    type: those of integers are exact.
  }];
}

def LegalizeReductions : Legalize<"reductions"> {
  let summary = "ReduceSum, ReduceMean, ReduceMax and their like";
  let description = [{
    Expects typed nodes; leaves none of these kinds, but a `linalg.generic`
    that reduces into a filled tensor.
  }];
}

def LegalizeNormalizations : Legalize<"normalizations"> {
  let summary = "LayerNormalization to pipe.layer_norm, RMSNormalization";
  let description = [{
    Expects typed nodes; leaves none of these kinds. Several normalised
    dimensions are seen as one; a missing bias is zero.
  }];
}

def LegalizeGathers : Pass<"pipe-legalize-gathers", "mlir::ModuleOp"> {
  let summary = "Gather and GatherND to pipe.gather or views";
  let description = [{
    Expects typed nodes; leaves none of these kinds. One constant index is a
    slice. Constant indices of GatherND that only count through whole
    dimensions are a broadcast; other constant ones select rows of the
    flattened data.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::linalg::LinalgDialect",
                           "mlir::tensor::TensorDialect"];
}

def FoldTransposes : Pass<"pipe-fold-transposes", "mlir::func::FuncOp"> {
  let summary = "Transposes around contractions become indexing maps";
  let description = [{
    Expects legal views and contractions. A contraction reads what a
    `linalg.transpose` would have read, through a permuted map, and writes the
    transpose of its result if that is its only use. Transposes between a
    collapse and the matching expansion are unwrapped first.

    ```mlir
    %t = linalg.transpose ins(%q : tensor<2x5x3x8xf32>) outs(%e : tensor<2x3x5x8xf32>) permutation = [0, 2, 1, 3]
    // a contraction that reads %t with (b, h, s, t, d) -> (b, h, s, d)
    // now reads %q with (b, h, s, t, d) -> (b, s, h, d)
    ```
  }];
  let dependentDialects = ["mlir::linalg::LinalgDialect",
                           "mlir::tensor::TensorDialect"];
}

def AccumulateAddends : Pass<"pipe-accumulate-addends", "mlir::func::FuncOp"> {
  let summary = "What is added to a product becomes its destination";
  let description = [{
    Expects legal contractions. Where an elementwise sum is the only use of a
    contraction that starts from zero, the contraction starts from the other
    addend: from itself if it is a tensor of the same shape, else from what the
    sum reads of it, repeated along any dimensions. The contraction moves to the place of the sum.

    ```mlir
    %0 = linalg.generic {... "reduction"} ins(%x, %w) outs(%zero)
    %1 = linalg.generic {...} ins(%residual, %0) { arith.addf }
    // becomes
    %1 = linalg.generic {... "reduction"} ins(%x, %w) outs(%residual)
    ```
  }];
  let dependentDialects = ["mlir::linalg::LinalgDialect",
                           "mlir::tensor::TensorDialect"];
}

def FuseElementwise : Pass<"pipe-fuse-elementwise", "mlir::func::FuncOp"> {
  let summary = "Elementwise chains become one linalg.generic";
  let description = [{
    Expects level 0. An elementwise operation with one use, or one that only
    repeats its operand, is computed inside the elementwise operation that
    uses it; contractions are left alone. Only a chain's inputs are then saved
    for the backward pass.
  }];
}

def OutlineConstants : Pass<"pipe-outline-constants", "mlir::ModuleOp"> {
  let summary = "Constants of more than 1 KiB become parameters";
  let description = [{
    Leaves `arith.constant` with one number or at most 1 KiB. A larger one is a
    `pipe.parameter` with a value, not trainable, so that the functions of
    stages stay small and the data is kept once.
  }];
  // The only pass here whose input may lack the dialect that its output uses.
  let dependentDialects = ["bitpipe::pipe::PipeDialect"];
}

def PruneParameters : Pass<"pipe-prune-parameters", "mlir::ModuleOp"> {
  let summary = "Erases constants that nothing reads";
  let description = [{
    Folding and masks that became attributes leave constants behind. Parameters
    of the model, trained or frozen, stay: they are saved with the others.
  }];
}

def VerifyGraph : Pass<"pipe-verify-graph", "mlir::func::FuncOp"> {
  let summary = "Checks that the function is level 0";
  let description = [{
    Reports every operation that is none of level 0 (docs/Levels.md) or has a
    result that is no static tensor, all at once.
  }];
}

#endif
