//===- Passes.h - From one forward function to stages ----------------------===//

#ifndef BITPIPE_TRANSFORMS_PARTITION_PASSES_H
#define BITPIPE_TRANSFORMS_PARTITION_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace bitpipe {

#define GEN_PASS_DECL
#include "lib/Transforms/Partition/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "lib/Transforms/Partition/Passes.h.inc"

/// This phase attaches no interfaces.
inline void registerPartitionExtensions(mlir::DialectRegistry &) {}

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_PARTITION_PASSES_H
