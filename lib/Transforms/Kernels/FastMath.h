//===- FastMath.h - What the arithmetic of kernels may assume --------------===//
//
// Sums may be reordered and products contracted, in an order that depends on
// the shape alone. NaNs and infinities are never assumed away: masks are
// infinite.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_FASTMATH_H
#define BITPIPE_TRANSFORMS_KERNELS_FASTMATH_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

namespace bitpipe {

constexpr auto fastMathFlags =
    mlir::arith::FastMathFlags::reassoc | mlir::arith::FastMathFlags::contract |
    mlir::arith::FastMathFlags::nsz | mlir::arith::FastMathFlags::arcp;

/// In the body of a linalg operation: the order of its products and quotients is
/// that of whoever wrote it, often so that nothing overflows on the way.
constexpr auto bodyFlags =
    mlir::arith::FastMathFlags::contract | mlir::arith::FastMathFlags::nsz;

inline mlir::arith::FastMathFlagsAttr fastMath(mlir::OpBuilder &builder) {
  return mlir::arith::FastMathFlagsAttr::get(builder.getContext(), fastMathFlags);
}

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_FASTMATH_H
