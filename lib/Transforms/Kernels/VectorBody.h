//===- VectorBody.h - Scalar bodies on vectors -----------------------------===//
//
// Repeats the scalar body of a linalg operation on vectors where an argument is
// one, and on scalars where nothing depends on the lane.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_VECTORBODY_H
#define BITPIPE_TRANSFORMS_KERNELS_VECTORBODY_H

#include "lib/Transforms/Kernels/Lanes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace bitpipe {

/// Whether every operation of a body has a form on vectors.
bool isVectorizable(mlir::Block &body);

/// How an output that does not move along the innermost loop is combined there.
struct Combiner {
  mlir::vector::CombiningKind kind;
  mlir::Operation *op;
  mlir::TypedAttr neutral;
};

/// The combiner of output `position` of a body, if the body does nothing with
/// the output but to combine it with a term by an associative operation, and nothing
/// with the result but to yield it.
std::optional<Combiner> matchCombiner(mlir::linalg::LinalgOp op, unsigned position);

/// Emits `body` on `arguments`, scalars or vectors of `width`, and returns what
/// it yields. `indices` holds the value of every linalg.index.
Values emitBody(mlir::OpBuilder &b, mlir::Block &body, mlir::ValueRange arguments,
                mlir::ValueRange indices, int64_t width);

/// `value` as a vector of `width`.
mlir::Value spread(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value,
                   int64_t width);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_VECTORBODY_H
