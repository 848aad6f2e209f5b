#ifndef BITPIPE_TRANSFORMS_LOWER_PASSES
#define BITPIPE_TRANSFORMS_LOWER_PASSES

include "mlir/Pass/PassBase.td"

def LowerTraining : Pass<"pipe-lower-training", "mlir::ModuleOp"> {
  let summary = "Write down what the runtime must know of the model";
  let description = [{
    Expects levels 1 and 2: `pipe.model` with its loss, the stages with their
    forward functions, the plan. Leaves `pipe.training` in the place of
    `pipe.model`; its files are not named yet.

    The type of a model input is that of the stages' forward arguments; inputs
    that no stage uses are left out. With a loss from labels the labels are the
    last input.

    ```mlir
    pipe.model @forward inputs ["x"] outputs ["loss"] loss "microbatches" bounds [-1]
    // becomes
    pipe.training {version = 5, target = "cpu", inputs = ["x"], types = [tensor<4x8xf32>], ...}
    ```
  }];
  let options = [
    Option<"optimizer", "optimizer", "std::string", "\"adamw\"",
           "adamw, sgd or none">,
    Option<"target", "target", "std::string", "\"cpu\"", "cpu or cuda">,
  ];
  let dependentDialects = ["bitpipe::pipe::PipeDialect"];
}

def FuseRows : Pass<"pipe-fuse-rows", "mlir::ModuleOp"> {
  let summary = "Row operations take elementwise neighbours in";
  let description = [{
    Expects level 1. Leaves functions of the same signatures, in which
    `pipe.layer_norm`, `pipe.layer_norm_grad_input` and `pipe.dropout` are in a
    `pipe.fused_rows` together with elementwise operations on the same rows that
    they read from or that read them.

    Of every such operation the operations that read its rows are tried first,
    since what only they read is never stored then, and those that make them
    after, if they are arithmetic that is as well done again. One goes in if all
    that the group reads is made before anything reads what the group makes.
    What does not fit stays as it is.

    ```mlir
    %sum = linalg.generic {...} ins(%x, %y : tensor<4x8xf32>, tensor<4x8xf32>) ... // addition
    %n:3 = pipe.layer_norm epsilon 1.0e-5 ins(%sum, %w, %b : ...) outs(...) -> ...
    // becomes
    %n:4 = pipe.fused_rows ins(%x, %y, %w, %b : ...) outs(...) {
    ^bb0(%0: tensor<4x8xf32>, %1: tensor<4x8xf32>, %2: tensor<8xf32>, %3: tensor<8xf32>):
      %4 = linalg.generic {...} ins(%0, %1 : tensor<4x8xf32>, tensor<4x8xf32>) ...
      %5:3 = pipe.layer_norm epsilon 1.0e-5 ins(%4, %2, %3 : ...) outs(...) -> ...
      pipe.yield %4, %5#0, %5#1, %5#2 : ...
    } -> ...
    ```
  }];
  let dependentDialects = ["bitpipe::pipe::PipeDialect", "mlir::linalg::LinalgDialect",
                           "mlir::tensor::TensorDialect"];
}

def LowerStages : Pass<"pipe-lower-stages", "mlir::ModuleOp"> {
  let summary = "Stage functions become routines and kernels";
  let description = [{
    Expects level 1. Leaves one `pipe.routine` per different stage function, of
    the same name, and a nested `module @kernels` with one function per
    different kernel; the functions are gone.

    Every tensor gets a place in a block or a temporary before code is made:
    results are computed where they have to end up, reshapes, slices and
    transposes are arithmetic on strides, and elementwise operations overwrite
    operands that die with them. Contractions become `pipe.matmul` on these
    places, with bias, residual or the sum so far taken from their init,
    attentions `pipe.attention_call` or `pipe.attention_grad_call`; the rest
    becomes kernels. With `target=cuda` the sum of an operand over what a contraction
    sums over, too, is the `bias_gradient` of its product. Temporaries are packed into one scratch block by
    their lifetimes.

    ```mlir
    func.func @f(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>) -> tensor<4x8xf32> {
      ...
      %y = linalg.generic ... // x times w
      return %y : tensor<4x8xf32>
    }
    // becomes
    pipe.routine @f blocks [128, 128, 256] roles ["carried_in", "carried_out", "weights 0"] {
      pipe.matmul <0, 0> [8, 1] by <2, 0> [8, 1] into <1, 0> [8, 1] sizes [4, 8, 8]
    }
    ```
  }];
  let options = [
    Option<"target", "target", "std::string", "\"cpu\"", "cpu or cuda">,
  ];
  let dependentDialects = [
    "bitpipe::pipe::PipeDialect", "mlir::arith::ArithDialect",
    "mlir::func::FuncDialect", "mlir::linalg::LinalgDialect",
    "mlir::memref::MemRefDialect", "mlir::tensor::TensorDialect"
  ];
}

def LowerPlan : Pass<"pipe-lower-plan", "mlir::ModuleOp"> {
  let summary = "The plan and the routines become one program per device";
  let description = [{
    Expects `pipe.training`, the stages with their routines, the parameters and
    the plan. Leaves one `pipe.program` per device; the stages are gone.

    Every block of every run is named by what it holds, so that a tensor that
    a run makes and another one reads is one piece of memory, alive from its
    first to its last use in the device's list. Pieces that are sent or
    received share message slots of their size, the others are packed into the
    arena; parameters, gradients and the optimizer's moments stay for good.
    With `memory-limit` a plan that needs more on a device is refused.

    ```mlir
    pipe.device 0 {
      pipe.run F stage 0 mb 0
      pipe.send F stage 0 mb 0 to 1
      ...
    // becomes
    pipe.program device 0 arena 1024 {
      pipe.slot 0 "weights" size 256 offset 0
      ...
      pipe.execute F stage 0 mb 0 @f [3, 4, 0]
      pipe.transmit F stage 0 mb 0 to 1 slot 4 handover
    ```
  }];
  let options = [
    Option<"memoryLimit", "memory-limit", "int64_t", "0",
           "Bytes a device has; 0 for no limit">,
  ];
  let dependentDialects = ["bitpipe::pipe::PipeDialect"];
}

def WriteWeights : Pass<"pipe-write-weights", "mlir::ModuleOp"> {
  let summary = "Write the parameters into one safetensors file";
  let description = [{
    Expects `pipe.training` and the parameters. Leaves the file, its name and
    its hash in `pipe.training`, and `pipe.saved` in the place of every
    parameter; constants are in the file only. Parameters that their file holds
    in half or double precision are written as f32.

    The data is copied in pieces from the files the parameters point into, to a
    temporary file beside the target that takes its name when it is complete.
    A file that is there and was not written by bitpipe is refused.
  }];
  let options = [
    Option<"file", "file", "std::string", "\"\"", "Where to write">,
  ];
  let dependentDialects = ["bitpipe::pipe::PipeDialect"];
}

def PrintMemory : Pass<"pipe-print-memory", "mlir::ModuleOp"> {
  let summary = "Print what the memory of every device is used for";
  let description = [{
    Expects programs and changes nothing. `scratch` is that of the run that
    needs most; `activations` is what is saved, carried and kept at most at
    once, with the gaps between them.

    ```
    Memory per device in MiB
    device      weights      working    gradients    optimizer  activations     messages      scratch        total
         0         0.25         0.00         0.25         0.50         1.12         0.12         0.06         2.31
    ```
  }];
}

#endif
