//===- Reductions.h - What reduction operators reduce ----------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_REDUCTIONS_H
#define BITPIPE_TRANSFORMS_ONNX_REDUCTIONS_H

#include "lib/Transforms/ONNX/Node.h"

#include "mlir/IR/BuiltinTypes.h"

namespace bitpipe {

/// Per dimension of the input whether the node reduces it; nothing if that is
/// not constant or does not fit.
std::optional<llvm::SmallVector<bool>> reducedDims(const Node &node);

/// The type of the node's result.
mlir::LogicalResult inferReduction(const Node &node,
                                   llvm::SmallVectorImpl<mlir::Type> &types);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_REDUCTIONS_H
