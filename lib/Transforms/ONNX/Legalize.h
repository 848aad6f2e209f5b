//===- Legalize.h - Replacing nodes of one kind ----------------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_LEGALIZE_H
#define BITPIPE_TRANSFORMS_ONNX_LEGALIZE_H

#include "lib/Transforms/ONNX/Node.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringMap.h"

#include <functional>

namespace bitpipe {

/// The values that replace a node's results; a failure has been reported.
using Lowered = mlir::FailureOr<llvm::SmallVector<mlir::Value>>;
using Lowering = std::function<Lowered(mlir::OpBuilder &, const Node &)>;

/// Replaces, in program order, every node that has a lowering.
mlir::LogicalResult legalizeNodes(mlir::Operation *root,
                                  const llvm::StringMap<Lowering> &lowerings);

inline Lowered lowered(mlir::Value value) {
  return llvm::SmallVector<mlir::Value>{value};
}

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_LEGALIZE_H
