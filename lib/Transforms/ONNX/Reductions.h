//===- Reductions.h - What reduction operators reduce ----------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_REDUCTIONS_H
#define BITPIPE_TRANSFORMS_ONNX_REDUCTIONS_H

#include "lib/Transforms/ONNX/Node.h"

namespace bitpipe {

/// Per dimension of the input whether the node reduces it; nothing if that is
/// not constant or does not fit.
std::optional<llvm::SmallVector<bool>> reducedDims(const Node &node);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_REDUCTIONS_H
