//===- Passes.h - From a forward function to stages with gradients ---------===//

#ifndef BITPIPE_TRANSFORMS_AUTODIFF_PASSES_H
#define BITPIPE_TRANSFORMS_AUTODIFF_PASSES_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/Pass.h"

namespace bitpipe {

#define GEN_PASS_DECL
#include "lib/Transforms/Autodiff/Passes.h.inc"

/// Bytes of logits that a chunk of rows has at once. On a processor they stay in its caches;
/// on a GPU the gradient of the head is read and written for each chunk, so that few are best.
inline constexpr int64_t logitBytesOnCPU = 8 << 20, logitBytesOnGPU = 512 << 20;

/// Differentiates the stages of a module and tidies up their functions; also
/// `--pipe-autodiff`.
void buildAutodiffPipeline(mlir::OpPassManager &manager, int64_t logitBytes = logitBytesOnCPU);

/// Makes the passes and the pipeline known to the command line.
void registerAutodiffPasses();

/// Attaches the gradient rules.
void registerAutodiffExtensions(mlir::DialectRegistry &registry);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_AUTODIFF_PASSES_H
