//===- Scores.h - What a softmax is computed from --------------------------===//
//
// Shared by what takes scale and mask into the softmax and what makes attention
// one operation.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_SCORES_H
#define BITPIPE_TRANSFORMS_ONNX_SCORES_H

#include "lib/Transforms/ONNX/Node.h"

namespace bitpipe {

/// What is added below this, times the factors that follow, keeps an element out
/// of a softmax.
constexpr double kMaskedOut = -1e4;

/// The node that computes the value if it is of this kind, else one without an
/// operation.
Node nodeOf(mlir::Value value, llvm::StringRef kind);

/// The number that a constant holds everywhere.
std::optional<double> splatNumber(mlir::Value value);

/// A factor that a node multiplies all of one operand with, and that operand.
std::optional<std::pair<double, mlir::Value>> constantFactor(mlir::Value value);

/// A softmax without any element is zero already: Where(IsNaN(y), 0, y) is y.
void dropNanGuards(mlir::Value softmax);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_SCORES_H
