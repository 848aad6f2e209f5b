//===- Uses.h - What a model does with its tensors -------------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_USES_H
#define BITPIPE_TRANSFORMS_ONNX_USES_H

#include "lib/Transforms/ONNX/Reader.h"

#include "llvm/ADT/StringMap.h"

namespace bitpipe {

/// How an initializer is used, possibly after moves, slices and casts.
struct Use {
  bool any = false;     ///< By any node or output.
  bool table = false;   ///< Rows are gathered.
  bool product = false; ///< Operand of a product or convolution.
  bool norm = false;    ///< Scale or shift of a normalisation.
  bool angle = false;   ///< Of a sine or cosine.
  bool elementwise = false; ///< Added, multiplied, chosen ...
  bool statistic = false;   ///< Running mean or variance.
  int readers = 0; ///< Nodes that take it as it is, not a part of it.

  /// Whether a gradient reaches it.
  bool differentiable() const {
    return table || product || norm || angle || elementwise;
  }
};

/// By the name of the initializer.
llvm::StringMap<Use> collectUses(const ModelFile &file);

bool isFloatTensor(const onnx::Tensor &tensor);
int64_t elementsOf(const onnx::Tensor &tensor);

/// Whether all elements of a float initializer are the same number.
bool isOneNumber(ModelFile &file, int initializer);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_USES_H
