//===- GenericGradient.h - The gradient of a linalg.generic ----------------===//
//
// For y[Y(i)] = f(x[X(i)], ...), or += over reduction dimensions, the gradient
// is dx[X(i)] += dy[Y(i)] * df/dx(x[X(i)], ...): the same loops with the maps
// of y and x swapped, and the derivative of the scalar body in the body. So
// the gradient of a contraction is a contraction, that of a broadcast a sum,
// and that of an elementwise chain one elementwise operation that computes
// the chain's inner values again.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_AUTODIFF_GENERICGRADIENT_H
#define BITPIPE_TRANSFORMS_AUTODIFF_GENERICGRADIENT_H

#include "lib/Transforms/Autodiff/GradientSums.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace bitpipe {

/// In a reduction that adds to its destination: the addition of result k.
/// Null in any other.
mlir::arith::AddFOp findAccumulation(mlir::linalg::GenericOp op, unsigned k);

/// Of loops with this destination: those that it does not take part in sum.
llvm::SmallVector<mlir::utils::IteratorType> iteratorsInto(mlir::AffineMap destination);

/// Adds the gradients of the operation's operands to their sums.
void buildGenericGradients(mlir::linalg::GenericOp op, mlir::OpBuilder &builder,
                           llvm::ArrayRef<mlir::Value> gradients,
                           GradientSums &sums);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_AUTODIFF_GENERICGRADIENT_H
