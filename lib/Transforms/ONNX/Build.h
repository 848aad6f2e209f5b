//===- Build.h - The forms of level 0 --------------------------------------===//
//
// Every linalg operation of level 0 is made here, so that there is one form of
// each: elementwise, contraction, reduction, view.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_BUILD_H
#define BITPIPE_TRANSFORMS_ONNX_BUILD_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"

namespace bitpipe {

/// Makes the scalar result from the scalar operands.
using ScalarBody = llvm::function_ref<mlir::Value(
    mlir::OpBuilder &, mlir::Location, mlir::ValueRange)>;

mlir::Value emptyTensor(mlir::OpBuilder &b, mlir::Location loc,
                        mlir::RankedTensorType type);

/// A tensor of one number.
mlir::Value filledTensor(mlir::OpBuilder &b, mlir::Location loc,
                         mlir::RankedTensorType type, double number);

/// A number of a float or integer type.
mlir::Value scalar(mlir::OpBuilder &b, mlir::Location loc, mlir::Type type,
                   double number);

/// `body` on every element, the inputs broadcast as in ONNX. Constants of one
/// number become scalars in the body.
mlir::Value elementwise(mlir::OpBuilder &b, mlir::Location loc,
                        mlir::RankedTensorType type, mlir::ValueRange inputs,
                        ScalarBody body);

/// `input` repeated to `type` as in ONNX.
mlir::Value broadcast(mlir::OpBuilder &b, mlir::Location loc,
                      mlir::RankedTensorType type, mlir::Value input);

/// A view with another shape of as many elements.
mlir::Value reshape(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value,
                    llvm::ArrayRef<int64_t> shape);

/// A view with the dimensions permuted: result dimension i is perm[i].
mlir::Value transpose(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value,
                      llvm::ArrayRef<int64_t> perm);

/// outs += a x b, summed over the dimensions that `outsMap` lacks.
mlir::Value contraction(mlir::OpBuilder &b, mlir::Location loc, mlir::Value lhs,
                        mlir::Value rhs, mlir::Value outs,
                        llvm::ArrayRef<mlir::AffineMap> maps);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_BUILD_H
