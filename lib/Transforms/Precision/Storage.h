//===- Storage.h - In which types the tensors of a function lie in memory --===//

#ifndef BITPIPE_TRANSFORMS_PRECISION_STORAGE_H
#define BITPIPE_TRANSFORMS_PRECISION_STORAGE_H

#include "lib/Transforms/Precision/Natures.h"

namespace bitpipe {

class Storage {
public:
  /// `arguments` and `results` are those of the function.
  Storage(mlir::func::FuncOp function, llvm::ArrayRef<Passed> arguments,
          llvm::ArrayRef<Passed> results, const Natures &natures);

  /// Whether a tensor that is no view is made as bf16. It may be read as the other
  /// type, too.
  bool isBrain(mlir::Value root) const { return brain.contains(root); }
  /// Whether something reads it as bf16.
  bool isReadAsBrain(mlir::Value root) const { return reads.lookup(root).asBrain; }
  /// As what an operand is read.
  bool isReadAsBrain(mlir::OpOperand &operand) const;

private:
  struct Reads {
    bool asEither = false, asBrain = false, asFull = false;
  };
  void decide(mlir::Value root);
  void read(mlir::OpOperand &operand);

  const Natures &natures;
  llvm::DenseMap<mlir::Value, Reads> reads; // of what is no view
  llvm::DenseSet<mlir::Value> brain;
};

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_PRECISION_STORAGE_H
