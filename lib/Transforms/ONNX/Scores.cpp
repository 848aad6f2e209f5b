//===- Scores.cpp - What a softmax is computed from ------------------------===//

#include "lib/Transforms/ONNX/Scores.h"

using namespace mlir;
using namespace bitpipe;

Node bitpipe::nodeOf(Value value, StringRef kind) {
  auto op = value ? value.getDefiningOp<pipe::OnnxNodeOp>() : nullptr;
  return op && op.getOpType() == kind ? Node(op) : Node(nullptr);
}

std::optional<double> bitpipe::splatNumber(Value value) {
  DenseElementsAttr attr = constantOf(value);
  if (!attr || !attr.isSplat() || !isa<FloatType>(attr.getElementType()))
    return std::nullopt;
  return attr.getSplatValue<APFloat>().convertToDouble();
}

std::optional<std::pair<double, Value>> bitpipe::constantFactor(Value value) {
  if (Node mul = nodeOf(value, "Mul"); mul.getOp())
    for (int i : {0, 1})
      if (auto factor = splatNumber(mul.input(1 - i)))
        if (mul.inputType(i) == mul.resultType())
          return std::pair(*factor, mul.input(i));
  if (Node div = nodeOf(value, "Div"); div.getOp())
    if (auto divisor = splatNumber(div.input(1)))
      if (div.inputType(0) == div.resultType() && *divisor != 0)
        return std::pair(1 / *divisor, div.input(0));
  return std::nullopt;
}

void bitpipe::dropNanGuards(Value softmax) {
  SmallVector<std::pair<Node, Node>> guards; // and what they ask
  for (Operation *user : softmax.getUsers()) {
    auto where = dyn_cast<pipe::OnnxNodeOp>(user);
    if (!where || where.getOpType() != "Where")
      continue;
    Node node(where);
    Node isNan = nodeOf(node.input(0), "IsNaN");
    if (isNan.getOp() && isNan.input(0) == softmax &&
        node.input(2) == softmax && splatNumber(node.input(1)) == 0.0 &&
        node.resultType() == softmax.getType())
      guards.push_back({node, isNan});
  }
  for (auto [guard, isNan] : guards) {
    guard.result().replaceAllUsesWith(softmax);
    guard.getOp().erase();
    if (isNan.result().use_empty())
      isNan.getOp().erase();
  }
}
