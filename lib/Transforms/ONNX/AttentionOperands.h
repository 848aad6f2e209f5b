//===- AttentionOperands.h - Operands in pipe.attention's order ------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_ATTENTIONOPERANDS_H
#define BITPIPE_TRANSFORMS_ONNX_ATTENTIONOPERANDS_H

#include "lib/Transforms/ONNX/AttentionPattern.h"
#include "lib/Transforms/ONNX/Expansion.h"

namespace bitpipe {

/// The operands of pipe.attention: q, k and v as [batch, sequence, heads, size], and
/// what is added to the scores, in four dimensions; null if nothing is.
struct AttentionOperands {
  mlir::Value q, k, v, bias;
};

/// Brings them into that order through views that cancel with those of the model.
/// Heads of k and v that were repeated for several heads of q are not any more.
AttentionOperands attentionOperands(Expansion &e, const AttentionPattern &pattern);

/// o [batch, rows, heads, vsize] as the product with v had it.
mlir::Value attentionResult(Expansion &e, const AttentionPattern &pattern, mlir::Value o);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_ATTENTIONOPERANDS_H
