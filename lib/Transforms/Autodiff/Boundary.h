//===- Boundary.h - What passes from one function to the next --------------===//
//
// Views, destinations, constants and broadcasts are done again rather than
// their results kept.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_AUTODIFF_BOUNDARY_H
#define BITPIPE_TRANSFORMS_AUTODIFF_BOUNDARY_H

#include "mlir/IR/Value.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace bitpipe {

/// Operands, and what the regions use from outside.
llvm::SetVector<mlir::Value> valuesUsedBy(mlir::Operation *op);

/// Chooses the values to pass on so that all needed ones can be rebuilt.
class Boundary {
public:
  /// `isGiven` says which values are there anyway.
  explicit Boundary(llvm::function_ref<bool(mlir::Value)> isGiven) : isGiven(isGiven) {}

  llvm::SetVector<mlir::Value> choose(llvm::ArrayRef<mlir::Value> needed);

private:
  void findRoots(mlir::Value value, llvm::SetVector<mlir::Value> &roots);
  void chooseView(mlir::Value view, llvm::ArrayRef<mlir::Value> roots);

  llvm::function_ref<bool(mlir::Value)> isGiven;
  llvm::SetVector<mlir::Value> chosen;
  /// Of roots that are not chosen yet.
  llvm::MapVector<mlir::Value, llvm::SmallVector<mlir::Value>> viewsOf;
};

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_AUTODIFF_BOUNDARY_H
