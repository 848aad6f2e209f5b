//===- AttentionPattern.h - Finding attention among nodes ------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_ATTENTIONPATTERN_H
#define BITPIPE_TRANSFORMS_ONNX_ATTENTIONPATTERN_H

#include "lib/Transforms/ONNX/Masks.h"
#include "lib/Transforms/ONNX/Node.h"

namespace bitpipe {

/// Something that is added to scores [lead..., rows, columns]: a tensor times a
/// factor, or -infinity where a mask of truth values is not `wanted`.
struct ScoreTerm {
  mlir::Value value;
  double factor = 1;
  bool isMask = false, wanted = true;
  llvm::SmallVector<int64_t> lead;
};

/// A softmax between two products, and all that happens between them.
struct AttentionPattern {
  Node product{nullptr}; ///< q k^T
  Node output{nullptr};  ///< probabilities v
  mlir::Value q, k;      ///< The product's operands without their factors, k as the
                         ///< product has it: [..., size, columns].
  double scale = 1;
  std::optional<double> softcap;
  std::optional<int64_t> left, right;
  llvm::SmallVector<ScoreTerm> terms;
  bitpipe::pipe::DropoutOp dropout;
  int64_t batch = 1, heads = 1;
};

/// Reads the attention around a softmax. Says in one line what of it
/// pipe.attention cannot express, or nothing.
std::string readAttention(Node softmax, MaskReader &masks, AttentionPattern &pattern);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_ATTENTIONPATTERN_H
