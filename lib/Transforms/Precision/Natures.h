//===- Natures.h - What kind of value every tensor of a function is --------===//

#ifndef BITPIPE_TRANSFORMS_PRECISION_NATURES_H
#define BITPIPE_TRANSFORMS_PRECISION_NATURES_H

#include "lib/Transforms/Precision/Rules.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace bitpipe {

/// How a value goes from one function to another.
struct Passed {
  Nature nature = Nature::Fixed;
  bool isBrain = false; // bf16, else as it was
};

/// The tensor that a view, or a view of a view, looks at.
mlir::Value rootOf(mlir::Value value);

/// The natures of all f32 tensors of a function of one block, by one walk.
class Natures {
public:
  /// `arguments` are those of the function; `sums` as in makes().
  Natures(mlir::func::FuncOp function, llvm::ArrayRef<Passed> arguments, bool sums);

  Nature of(mlir::Value value) const { return natures.lookup(rootOf(value)); }
  StoredAs storedAs(mlir::Value root) const { return stored.lookup(root); }

private:
  llvm::DenseMap<mlir::Value, Nature> natures;
  llvm::DenseMap<mlir::Value, StoredAs> stored;
};

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_PRECISION_NATURES_H
