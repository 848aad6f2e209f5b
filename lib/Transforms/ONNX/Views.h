//===- Views.h - What view operators select --------------------------------===//
//
// Shared by type inference, folding and legalisation.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_VIEWS_H
#define BITPIPE_TRANSFORMS_ONNX_VIEWS_H

#include "lib/Transforms/ONNX/Node.h"

namespace bitpipe {

/// Per dimension of the input where a Slice starts, how many elements it
/// takes and with which step; nothing if that is not constant.
struct SliceBounds {
  llvm::SmallVector<int64_t> starts, sizes, steps;
};
std::optional<SliceBounds> sliceBounds(const Node &node);

/// The sizes along the axis of the parts of a Split, or nothing.
std::optional<llvm::SmallVector<int64_t>> splitSizes(const Node &node);

/// The permutation of a Transpose, or nothing if it is none.
std::optional<llvm::SmallVector<int64_t>> permutation(const Node &node);

/// Refuses an input that must be a constant of a form that fits, called `what`.
mlir::LogicalResult notConstant(const Node &node, llvm::StringRef what);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_VIEWS_H
