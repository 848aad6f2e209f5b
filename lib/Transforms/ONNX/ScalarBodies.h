//===- ScalarBodies.h - ONNX's scalar functions in arith and math ----------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_SCALARBODIES_H
#define BITPIPE_TRANSFORMS_ONNX_SCALARBODIES_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"

namespace bitpipe {

/// A function of one or two scalars, for floats and for integers; null where
/// it is not defined.
struct ScalarFunction {
  using Make = mlir::Value (*)(mlir::OpBuilder &, mlir::Location,
                               mlir::ValueRange);
  Make real = nullptr;
  Make integer = nullptr;
};

ScalarFunction scalarFunction(llvm::StringRef onnxName);
llvm::SmallVector<llvm::StringRef> scalarFunctionNames();

mlir::Value castScalar(mlir::OpBuilder &b, mlir::Location loc,
                       mlir::Value value, mlir::Type to);
mlir::Value powScalar(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x,
                      double exponent);
mlir::Value geluErf(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value geluTanh(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_SCALARBODIES_H
