//===- Passes.h - In which precision stages compute ------------------------===//

#ifndef BITPIPE_TRANSFORMS_PRECISION_PASSES_H
#define BITPIPE_TRANSFORMS_PRECISION_PASSES_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/Pass.h"

namespace bitpipe {

#define GEN_PASS_DECL
#include "lib/Transforms/Precision/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "lib/Transforms/Precision/Passes.h.inc"

/// This phase attaches no interfaces.
inline void registerPrecisionExtensions(mlir::DialectRegistry &) {}

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_PRECISION_PASSES_H
