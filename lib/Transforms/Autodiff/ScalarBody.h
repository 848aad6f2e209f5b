//===- ScalarBody.h - The body of an elementwise operation, by its scalars -===//

#ifndef BITPIPE_TRANSFORMS_AUTODIFF_SCALARBODY_H
#define BITPIPE_TRANSFORMS_AUTODIFF_SCALARBODY_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include "llvm/ADT/SetVector.h"

namespace bitpipe {

/// What an operation changes the sign of, multiplies by a constant or divides by one; null if it
/// does anything else.
mlir::Value unscaled(mlir::Operation *op);

/// Of an operation that reduces nothing and has one result.
class ScalarBody {
public:
  explicit ScalarBody(mlir::linalg::GenericOp op) : op(op) {}

  mlir::Value yielded() const { return op.getBody()->getTerminator()->getOperand(0); }

  /// The division by no constant behind which a result is only unscaled; null if there is none.
  mlir::arith::DivFOp findDivision() const;

  /// The operands of which a scalar is computed, by their number.
  llvm::SetVector<unsigned> operandsOf(mlir::Value scalar) const;

  /// An operation of its own for one scalar of the body, where `instead` stands for the result
  /// of `skipped`.
  mlir::Value apart(mlir::OpBuilder &builder, mlir::Value scalar,
                    mlir::Operation *skipped = nullptr, mlir::Value instead = nullptr) const;

private:
  /// The operations and operands that a scalar needs.
  void collect(mlir::Value scalar, mlir::Operation *skipped, mlir::Value instead,
               llvm::SetVector<mlir::Operation *> &steps,
               llvm::SetVector<unsigned> &operands) const;

  mutable mlir::linalg::GenericOp op;
};

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_AUTODIFF_SCALARBODY_H
