//===- VectorRows.h - Rows in vectors of one thread ------------------------===//
//
// The CPU's way through rows: a part of them per call, a row in vectors.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_VECTORROWS_H
#define BITPIPE_TRANSFORMS_KERNELS_VECTORROWS_H

#include "lib/Transforms/Kernels/RowLoops.h"

namespace bitpipe {

class VectorRows : public RowEmitter {
public:
  VectorRows(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type element,
             mlir::ValueRange accessed);

  /// The rows that a call of the kernel of `op` does (Divide.h).
  void forDividedRows(mlir::Operation *op, llvm::ArrayRef<int64_t> shape,
                      RowBody body) override;
  void onceForRow(llvm::function_ref<void()> body) override { body(); }
  void forColumns(mlir::Value end, llvm::function_ref<void(Lanes)> body) override;
  void forEachColumn(mlir::Value begin, mlir::Value end,
                     llvm::function_ref<void(mlir::Value)> body) override;
  Terms reduceColumns(mlir::Value end, llvm::ArrayRef<Kind> kinds,
                      llvm::function_ref<Terms(Lanes)> body) override;

  /// Calls `body` for the columns of `range`, which begins with a whole vector.
  void forColumns(Interval range, llvm::function_ref<void(Lanes)> body);
  /// Those of all `columns` that a call of the kernel of `op` does.
  Interval dividedColumns(mlir::Operation *op, int64_t columns);
};

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_VECTORROWS_H
