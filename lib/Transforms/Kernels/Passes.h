//===- Passes.h - From kernels in buffer form to machine code --------------===//
//
// The passes of this phase, and what other phases may call of it directly.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_PASSES_H
#define BITPIPE_TRANSFORMS_KERNELS_PASSES_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"

namespace bitpipe {

#define GEN_PASS_DECL
#include "lib/Transforms/Kernels/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "lib/Transforms/Kernels/Passes.h.inc"

/// Lets upstream's bufferization handle the compute operations.
void registerKernelsExtensions(mlir::DialectRegistry &registry);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_PASSES_H
