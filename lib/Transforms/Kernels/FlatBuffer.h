//===- FlatBuffer.h - A strided buffer as one row of elements --------------===//
//
// Once strides are numbers, a buffer needs no more than its first element.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_FLATBUFFER_H
#define BITPIPE_TRANSFORMS_KERNELS_FLATBUFFER_H

#include "mlir/IR/Builders.h"
#include "llvm/Support/Alignment.h"

namespace bitpipe {

/// Elements of a buffer by their distance from its first one. Truth values,
/// one byte each in memory, are read and written as bytes. An operand that is
/// no buffer reads as itself.
class FlatBuffer {
public:
  FlatBuffer(mlir::OpBuilder &b, mlir::Location loc, mlir::Value operand);

  /// `width` elements from `position` on, those under `mask` if there is one. Vectors
  /// without a mask may be known to begin at an alignment.
  mlir::Value load(mlir::OpBuilder &b, mlir::Location loc, mlir::Value position,
                   mlir::Value mask, int64_t width,
                   llvm::MaybeAlign alignment = {}) const;
  void store(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value,
             mlir::Value position, mlir::Value mask, int64_t width,
             llvm::MaybeAlign alignment = {}) const;

private:
  mlir::Value storage;
  bool truth;
};

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_FLATBUFFER_H
