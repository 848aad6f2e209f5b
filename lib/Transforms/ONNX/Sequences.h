//===- Sequences.h - Sequences of tensors, resolved ------------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_SEQUENCES_H
#define BITPIPE_TRANSFORMS_ONNX_SEQUENCES_H

#include "lib/Transforms/ONNX/Node.h"

#include "llvm/ADT/DenseMap.h"

namespace bitpipe {

/// Follows sequences through a function. Which tensor a SequenceAt means is
/// known when compiling, so that no sequence is left.
class Sequences {
public:
  static bool isSequenceOperator(llvm::StringRef kind);

  /// Replaces what `node` means to tensors by tensors; new nodes stand before
  /// it and are handed to `visit`, which infers their types.
  mlir::LogicalResult
  resolve(const Node &node,
          llvm::function_ref<mlir::LogicalResult(const Node &)> visit);

private:
  using Visit = llvm::function_ref<mlir::LogicalResult(const Node &)>;
  mlir::LogicalResult split(const Node &node, Visit visit);
  mlir::LogicalResult at(const Node &node);
  mlir::LogicalResult concat(const Node &node, Visit visit);

  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::Value>> tensors;
};

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_SEQUENCES_H
