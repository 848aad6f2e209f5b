//===- AttentionSearch.cpp - Looking around among nodes --------------------===//

#include "lib/Transforms/ONNX/AttentionSearch.h"
#include "lib/Transforms/ONNX/Expansion.h"

using namespace mlir;
using namespace bitpipe;

Node bitpipe::definingNode(Value value) { return value.getDefiningOp<pipe::OnnxNodeOp>(); }

bool bitpipe::isReshape(const Node &node) {
  return llvm::is_contained({"Reshape", "Unsqueeze", "Squeeze", "Flatten"}, node.kind());
}

Value bitpipe::inShape(Value value, ArrayRef<int64_t> shape) {
  while (shapeOf(value) != shape) {
    Node node = definingNode(value);
    if (!node.getOp() || !isReshape(node))
      return {};
    value = node.input(0);
  }
  return value;
}

Value bitpipe::reshapedRoot(Value value) {
  for (Node node = definingNode(value); node.getOp() && isReshape(node); node = definingNode(value))
    value = node.input(0);
  return value;
}

/// Nodes through which scores are followed from the softmax to their product.
static bool isOfScores(const Node &node) {
  return isReshape(node) || llvm::is_contained({"Add", "Sub", "Mul", "Div", "Where", "Tanh",
                                                "Transpose", "Neg"},
                                               node.kind());
}

Value bitpipe::productBelow(Value value, int depth) {
  Node node = definingNode(value);
  if (!node.getOp() || depth == 0)
    return {};
  if (node.kind() == "MatMul")
    return value;
  if (!isOfScores(node))
    return {};
  auto type = cast<RankedTensorType>(value.getType());
  for (Value input : node.getOp().getOperands()) {
    auto operand = dyn_cast<RankedTensorType>(input.getType());
    if (operand && operand.getElementType() == type.getElementType() &&
        operand.getNumElements() == type.getNumElements())
      if (Value product = productBelow(input, depth - 1))
        return product;
  }
  return {};
}

/// Whether a product uses a value, perhaps in another shape, scaled or masked.
static bool feedsProduct(Value value, int depth = 6) {
  for (Operation *user : value.getUsers()) {
    if (isa<pipe::DropoutOp>(user)) {
      if (depth > 0 && feedsProduct(user->getResult(0), depth - 1))
        return true;
      continue;
    }
    auto op = dyn_cast<pipe::OnnxNodeOp>(user);
    if (!op)
      continue;
    Node node(op);
    if (node.kind() == "MatMul")
      return true;
    bool follows = isReshape(node) || llvm::is_contained({"Mul", "Div", "Where", "Transpose"}, node.kind());
    if (follows && depth > 0 && feedsProduct(node.result(), depth - 1))
      return true;
  }
  return false;
}

bool bitpipe::isAttention(Node softmax) {
  return productBelow(softmax.input(0)) && feedsProduct(softmax.result());
}

bool bitpipe::dependsOnInputs(Value value) {
  SmallVector<Value> open{value};
  DenseSet<Operation *> seen;
  while (!open.empty()) {
    Operation *op = open.pop_back_val().getDefiningOp();
    if (!op)
      return true;
    if (seen.insert(op).second)
      llvm::append_range(open, op->getOperands());
  }
  return false;
}
