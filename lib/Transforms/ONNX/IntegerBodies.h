//===- IntegerBodies.h - Arithmetic of integers that never traps -----------===//
//
// What a machine leaves undefined (division by zero, the lowest number by -1,
// casts from numbers that do not fit) has one value here, in kernels as in
// folding.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_INTEGERBODIES_H
#define BITPIPE_TRANSFORMS_ONNX_INTEGERBODIES_H

#include "mlir/IR/Builders.h"

namespace bitpipe {

/// x / y towards zero; zero by zero.
mlir::Value divideInteger(mlir::OpBuilder &b, mlir::Location loc, mlir::ValueRange args);

/// What Mod leaves, with the sign of y, or that of x if `ofDividend`; zero by zero.
mlir::Value moduloInteger(mlir::OpBuilder &b, mlir::Location loc, mlir::ValueRange args,
                          bool ofDividend);

/// x^y, modulo 2^bits; a negative y rounds 1/x^-y to zero.
mlir::Value powInteger(mlir::OpBuilder &b, mlir::Location loc, mlir::ValueRange args);

/// Towards zero, to the next number that `to` holds; NaN becomes zero.
mlir::Value castRealToInteger(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value,
                              mlir::Type to);

/// The same for numbers that are known when compiling.
int64_t quotientOf(int64_t x, int64_t y);
int64_t moduloOf(int64_t x, int64_t y, bool ofDividend);
int64_t powerOf(int64_t x, int64_t y);
int64_t toInteger(double value, mlir::Type to);

/// The lowest bits of `value` as a number of type `to`.
int64_t wrapped(int64_t value, mlir::Type to);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_INTEGERBODIES_H
