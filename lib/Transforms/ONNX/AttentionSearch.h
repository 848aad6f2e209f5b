//===- AttentionSearch.h - Looking around among nodes ----------------------===//
//
// What recognising attention asks of the graph: which node a value comes from, through
// reshapes or through what scores go through, and on what it depends.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_ATTENTIONSEARCH_H
#define BITPIPE_TRANSFORMS_ONNX_ATTENTIONSEARCH_H

#include "lib/Transforms/ONNX/Node.h"

namespace bitpipe {

/// The node that computes a value; null for arguments and other operations.
Node definingNode(mlir::Value value);

/// A node that only changes the shape.
bool isReshape(const Node &node);

/// The value, itself or one that it is a reshape of, in this shape; null if there
/// is none.
mlir::Value inShape(mlir::Value value, llvm::ArrayRef<int64_t> shape);

/// The value that reshapes made this one of.
mlir::Value reshapedRoot(mlir::Value value);

/// Whether a softmax is one of attention: computed from a product, and used by one.
bool isAttention(Node softmax);

/// The product that a value is computed from, through as many nodes of scores at most;
/// null if there is none.
mlir::Value productBelow(mlir::Value value, int depth = 12);

/// Whether a value depends on what the model is given, and not on parameters and
/// constants alone.
bool dependsOnInputs(mlir::Value value);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_ATTENTIONSEARCH_H
