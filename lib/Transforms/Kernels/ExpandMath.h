//===- ExpandMath.h - Transcendental functions as arithmetic ---------------===//
//
// A call per element costs more than all else a kernel does; arithmetic runs in
// vectors.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_EXPANDMATH_H
#define BITPIPE_TRANSFORMS_KERNELS_EXPANDMATH_H

#include "mlir/IR/Operation.h"

namespace bitpipe {

/// Replaces powers with simple exponents by products and rarer functions by the
/// common ones, in bodies that are still scalar: upstream knows constants there.
mlir::LogicalResult simplifyMath(mlir::Operation *root);

/// Replaces f32 functions of the math dialect below `root` by arithmetic. Those
/// of f64, which only tests use, are left to the math library.
mlir::LogicalResult approximateMath(mlir::Operation *root);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_EXPANDMATH_H
