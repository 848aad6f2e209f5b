//===- Passes.h - From ONNX nodes to level 0 -------------------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_PASSES_H
#define BITPIPE_TRANSFORMS_ONNX_PASSES_H

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/ONNX/Import.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/Pass.h"

namespace bitpipe {

#define GEN_PASS_DECL
#include "lib/Transforms/ONNX/Passes.h.inc"

/// Makes the passes and the pipeline `--pipe-onnx` known to the command line.
void registerONNXPasses();

/// This phase adds nothing to other dialects.
void registerONNXExtensions(mlir::DialectRegistry &registry);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_PASSES_H
