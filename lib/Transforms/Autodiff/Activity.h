//===- Activity.h - Where gradients flow -----------------------------------===//

#ifndef BITPIPE_TRANSFORMS_AUTODIFF_ACTIVITY_H
#define BITPIPE_TRANSFORMS_AUTODIFF_ACTIVITY_H

#include "lib/Transforms/Autodiff/StageSignature.h"

#include "llvm/ADT/DenseSet.h"

namespace bitpipe {

/// Whether a value can have a gradient.
bool canHaveGradient(mlir::Value value);

/// Values of the block, of the given kind, that depend on one of `roots`;
/// roots included.
llvm::DenseSet<mlir::Value>
dependents(mlir::Block &block, llvm::DenseSet<mlir::Value> roots,
           llvm::function_ref<bool(mlir::Value)> isKind);

/// Those of the forward arguments whose gradients are wanted.
llvm::DenseSet<mlir::Value> differentiatedArguments(StageSignature &stage,
                                                    mlir::ValueRange arguments);

/// Reports every operation on the way from a parameter or a carried value with
/// gradient to a result with gradient that has no rule.
mlir::LogicalResult checkRules(StageSignature &stage);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_AUTODIFF_ACTIVITY_H
