#ifndef BITPIPE_TRANSFORMS_AUTODIFF_PASSES_TD
#define BITPIPE_TRANSFORMS_AUTODIFF_PASSES_TD

include "mlir/Pass/PassBase.td"

def PipeAttachLoss : Pass<"pipe-attach-loss", "::mlir::ModuleOp"> {
  let summary = "Makes the loss sum of a micro-batch the only result";
  let description = [{
    Expects level 0 with one `pipe.model` without loss. Leaves a forward
    function whose only result is `tensor<T>`, the loss sum of the
    micro-batch, and `loss`, `ignore_index` and `bounds` on the model.

    The loss is the cross-entropy of the logits: the output named `logits`, or
    the only output that can be a loss. The function then has one more input,
    `labels`, with an i64 for each row of logits. If a scalar is named, or is the
    only output that can be a loss, it is. Where it ends with a division by
    something that depends on inputs only and adds up over micro-batches, or with
    `loss=SUM/COUNT`, the result is `tensor<2xT>`, the sum and the count, without
    floors such as `max(count, 1)`.

    `bounds`, and `lowest` where it is not 0 for all, follow each integer input
    through views, casts, and sums and products with constants to the tables whose
    rows it selects. Indices that are never inside of their table are refused, those
    that are within two numbers but not within the table are warned about. Every
    input has one sample per first index.

    ```mlir
    pipe.model @forward inputs ["x"] outputs ["logits"]
    func.func @forward(%x: tensor<4x8xf32>) -> tensor<4x8xf32>
    // becomes
    pipe.model @forward inputs ["x", "labels"] outputs ["loss"] loss "labels"
      ignore_index -100 bounds array<i64: -1, 8>
    func.func @forward(%x: tensor<4x8xf32>, %labels: tensor<4xi64>) -> tensor<f32>
    ```
  }];
  let options = [Option<"loss", "loss", "std::string", "\"auto\"",
    "auto, cross-entropy, an output, or SUM/COUNT, two outputs">];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

def PipeFreezeUnreached : Pass<"pipe-freeze-unreached", "::mlir::ModuleOp"> {
  let summary = "Parameters that get no gradient are not trained";
  let description = [{
    Expects a model whose forward function has the loss as its result. A
    trainable parameter from which no floats flow to the loss, such as those of
    a second head, becomes `frozen`: PyTorch leaves it alone, too, where AdamW
    would let it decay. One remark names them.

    ```mlir
    pipe.parameter @second.weight : tensor<4x8xf32> trainable file "model.onnx" offset 64
    // becomes, with a remark
    pipe.parameter @second.weight : tensor<4x8xf32> frozen file "model.onnx" offset 64
    ```
  }];
}

def PipeFuseLoss : Pass<"pipe-fuse-loss", "::mlir::func::FuncOp"> {
  let summary = "The last linear layer and its cross-entropy become one operation";
  let description = [{
    Expects level 0 with a loss. A `pipe.cross_entropy` whose logits are the
    product of rows with a matrix, with or without a bias for each class, and
    are used for nothing else, becomes `pipe.linear_cross_entropy` if its value
    is the function's result. Other logits stay whole; a remark says why.

    ```mlir
    %logits = linalg.generic ... ins(%x, %w : tensor<4x8xf32>, tensor<50x8xf32>)
      outs(%zero : tensor<4x50xf32>) // [r, c] += x[r, k] * w[c, k]
    %loss, %lse = pipe.cross_entropy ins(%logits, %labels ...) outs(...)
    return %loss : tensor<f32>
    // becomes
    %loss = pipe.linear_cross_entropy ins(%x, %w, %labels ...) outs(%sum : tensor<f32>)
    return %loss : tensor<f32>
    ```
  }];
}

def PipeChunkLoss : Pass<"pipe-chunk-loss", "::mlir::func::FuncOp"> {
  let summary = "Linear cross-entropies go over their rows in chunks";
  let description = [{
    Expects a function of a stage. Each `pipe.linear_cross_entropy` and
    `pipe.linear_cross_entropy_grad` becomes, for one chunk of rows after
    another, the product that makes the logits, `pipe.cross_entropy`,
    `pipe.cross_entropy_grad` and the products for the gradients; those of the
    parameters accumulate from chunk to chunk. A chunk has as many rows as
    `bytes` hold logits of, but at least 128, so that products stay efficient, and
    there are at most 64 chunks.
    Memory is that of one chunk's logits (Wijmans et al., Cut Your Losses,
    2024; Hsu et al., Liger Kernel, 2024).

    ```mlir
    %loss = pipe.linear_cross_entropy ins(%x, %w, %labels : tensor<512x8xf32>, ...) ...
    // becomes, with chunks of 256 rows
    %x0 = tensor.extract_slice %x[0, 0] [256, 8] [1, 1]
    %logits0 = linalg.generic ... ins(%x0, %w ...) -> tensor<256x50xf32>
    %loss0, %lse0 = pipe.cross_entropy ins(%logits0, %labels0 ...)
    ... // the other chunk
    %loss = linalg.generic ... ins(%loss0, %loss1 ...) // their sum
    ```
  }];
  let options = [Option<"bytes", "bytes", "int64_t", /*default=*/"8388608",
                        "How much memory the logits of a chunk may take">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def PipeDifferentiate : Pass<"pipe-differentiate", "::mlir::ModuleOp"> {
  let summary = "Gives every stage its input gradient and weight gradient";
  let description = [{
    Expects level 1: `pipe.stage`s with a forward function and no gradients.
    Leaves the three functions that `pipe.stage` documents for every distinct
    stage; costs stay those that the stages were cut by. If an operation
    between the parameters and the loss has no gradient rule, all such are
    reported and nothing is changed.

    Reverse mode first builds the whole gradient behind a copy of the forward
    operations, with the rule of each operation; sums of gradients are
    accumulated into the destination of the last operation that contributes.
    What depends on the sums over earlier micro-batches is then the weight
    gradient, what else depends on a gradient the input gradient. Values that
    pass from one to the next are saved, but views, constants and broadcasts
    are rebuilt from what is saved.

    ```mlir
    func.func @s(%x: tensor<4x6xf32>, %w: tensor<6x5xf32>) -> tensor<4x5xf32> {
      ... // y[i, j] = sum x[i, k] * w[k, j]
    }
    pipe.stage 0 forward @s inputs [] parameters [@w] carried_in [true]
      carried_out [true] cost [0.0, 0.0, 0.0]
    // becomes
    func.func @s(%x, %w) -> (tensor<4x5xf32>, tensor<4x6xf32>) // y, x
    func.func @s_input_gradient(%dy, %x, %w) -> (tensor<4x6xf32>, tensor<4x5xf32>,
      tensor<4x6xf32>) // dx[i, k] = sum dy[i, j] * w[k, j], and dy, x
    func.func @s_weight_gradient(%dy, %x, %sofar) -> tensor<6x5xf32>
      // dw[k, j] += sum dy[i, j] * x[i, k]
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

#endif
