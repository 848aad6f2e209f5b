//===- LoopNest.h - A linalg operation as loops and strides ----------------===//
//
// The iteration space of a linalg operation on static buffers, reduced to what
// code generation needs: few long loops, and by how many elements each operand
// moves per step of each.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_LOOPNEST_H
#define BITPIPE_TRANSFORMS_KERNELS_LOOPNEST_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace bitpipe {

/// How one operand is reached: element `offset` + the sum of step * stride over
/// all loops. An operand that is no buffer has strides of zero.
struct Access {
  mlir::Value operand;
  bool output;
  int64_t offset;
  llvm::SmallVector<int64_t> strides;

  bool isBuffer() const;
  mlir::Type element() const;
};

struct LoopNest {
  llvm::SmallVector<int64_t> sizes;
  /// The dimension of the operation that each loop walks; where neighbours were
  /// merged, the innermost of them.
  llvm::SmallVector<unsigned> dims;
  llvm::SmallVector<Access> accesses;
};

/// The loops of `op`, outermost first, at least one. Loops of one step are
/// dropped, the innermost loop is contiguous in as many operands as possible,
/// and neighbours that all operands walk as if they were one are merged. Reports
/// operands that are not static buffers and maps that are not linear.
mlir::FailureOr<LoopNest> buildLoopNest(mlir::linalg::LinalgOp op);

/// Whether every step of a loop writes to elements that no other step of it writes to,
/// or reads.
bool hasOwnResults(const LoopNest &nest, unsigned level);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_LOOPNEST_H
