//===- ScalarRules.h - Derivatives of scalar operations --------------------===//
//
// Reverse mode through the body of a linalg.generic.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_AUTODIFF_SCALARRULES_H
#define BITPIPE_TRANSFORMS_AUTODIFF_SCALARRULES_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/DenseMap.h"

namespace bitpipe {

/// Whether the derivative of a scalar operation is known.
bool hasScalarRule(mlir::Operation *op);

/// The adjoints of the values of `body` that depend on `wanted` and that the
/// seeds depend on. `adjoints` comes with the seeds; `primal` maps the body's
/// values to where they are computed anew.
void differentiateBody(mlir::OpBuilder &builder, mlir::Block &body,
                       llvm::ArrayRef<mlir::Value> wanted,
                       const mlir::IRMapping &primal,
                       llvm::DenseMap<mlir::Value, mlir::Value> &adjoints);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_AUTODIFF_SCALARRULES_H
