#ifndef BITPIPE_TRANSFORMS_PRECISION_PASSES_TD
#define BITPIPE_TRANSFORMS_PRECISION_PASSES_TD

include "mlir/Pass/PassBase.td"

def UseBF16 : Pass<"pipe-use-bf16", "::mlir::ModuleOp"> {
  let summary = "Lets stages multiply, save and carry bf16";
  let description = [{
    Expects level 1 with gradients, all in f32. Leaves the same stages, of which
    operands of products, what a function saves or keeps for another one, and
    what is carried between stages and its gradient are bf16. Parameters, sums of
    gradients, losses, means, deviations and other results of reductions, and what
    depends on no parameter, stay f32. Stages list under `working` the parameters
    that their products read; the functions take copies of these in bf16 behind the
    parameters. `pipe.model` has `precision "bf16"`.

    A first walk says of every value what PyTorch's autocast would compute it in: products
    make bf16, embeddings, normalisations and sums with an f32 make f32, everything
    else follows its inputs. A second walk, backwards, finds in which types a value is read; one
    that only products and other functions read is made in bf16 at once, one that
    is read as f32 besides is rounded once for them. Whatever lies in memory, bodies
    and kernels compute in f32: operands are extended where they are read, results
    rounded to the nearest, ties to even, where they are written.

    A product sums in f32 and rounds once, when the sum is complete, though its body
    reads as if every term were rounded.

    ```mlir
    func.func @s(%x: tensor<4x6xf32>, %w: tensor<6x5xf32>) -> (tensor<4x5xf32>, tensor<4x6xf32>) {
      %y = linalg.generic ... ins(%x, %w) // y[i, j] = sum x[i, k] * w[k, j]
      return %y, %x
    }
    pipe.stage 0 forward @s ... parameters [@w] ...
    // becomes
    func.func @s(%x: tensor<4x6xbf16>, %w: tensor<6x5xf32>, %copy: tensor<6x5xbf16>)
        -> (tensor<4x5xbf16>, tensor<4x6xbf16>) {
      %y = linalg.generic ... ins(%x, %copy)
      return %y, %x
    }
    pipe.stage 0 forward @s ... parameters [@w] working [@w] ...
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def FuseRoundings : Pass<"pipe-fuse-roundings", "::mlir::func::FuncOp"> {
  let summary = "What makes a tensor of f32 element by element rounds it, too";
  let description = [{
    Expects a function of a stage in bf16. A tensor that is read as f32 and, rounded, as bf16,
    as a residual is that a normalisation saves, is rounded by what makes it, if that is an
    elementwise operation: it gets a result more. So the tensor is read once less, and one
    that is rounded for another function only need not lie in memory until the end.

    Roundings are found in one walk, each looks at the operation that makes its operand,
    and the new operation takes the place of that one.

    ```mlir
    %x = linalg.generic ... ins(%a, %b : tensor<4x6xf32>, tensor<4x6xbf16>) // a sum
    %r = linalg.generic ... ins(%x : tensor<4x6xf32>) // its elements in bf16
    // becomes
    %x:2 = linalg.generic ... ins(%a, %b) -> (tensor<4x6xf32>, tensor<4x6xbf16>)
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

#endif
