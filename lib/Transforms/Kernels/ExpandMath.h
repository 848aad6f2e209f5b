//===- ExpandMath.h - Transcendental functions as arithmetic ---------------===//
//
// A call per element costs more than all else a kernel does; arithmetic runs in
// vectors.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_EXPANDMATH_H
#define BITPIPE_TRANSFORMS_KERNELS_EXPANDMATH_H

#include "mlir/IR/PatternMatch.h"

namespace bitpipe {

/// Replaces powers with simple exponents by products, in bodies that are still
/// scalar: constants are known there.
mlir::LogicalResult simplifyMath(mlir::Operation *root);

/// The functions that are computed in f64 (WideMath.cpp).
void populateWideMathPatterns(mlir::RewritePatternSet &patterns,
                              mlir::PatternBenefit benefit);

/// Replaces conversions between f32 and bf16 by integer arithmetic, which LLVM's
/// own, on processors without instructions for them, are not.
void populateBrainFloatPatterns(mlir::RewritePatternSet &patterns);

/// What is left of bf16 once conversions are arithmetic is moved and never computed
/// with: makes i16 of it, for LLVM rounds again where it moves bf16 in pieces.
void holdBrainFloatsAsBits(mlir::Operation *root);

/// Replaces f32 functions of the math dialect below `root` by arithmetic. Those
/// of f64, which only tests use, are left to the math library.
mlir::LogicalResult approximateMath(mlir::Operation *root);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_EXPANDMATH_H
