//===- ExpandAttention.cpp - Attention in terms of other nodes -------------===//

#include "lib/Transforms/ONNX/Constant.h"
#include "lib/Transforms/ONNX/Legalize.h"
#include "lib/Transforms/ONNX/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>
#include <limits>

namespace bitpipe {
#define GEN_PASS_DEF_EXPANDATTENTION
#include "lib/Transforms/ONNX/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

/// Builds nodes at the place of an Attention.
class AttentionExpansion {
public:
  AttentionExpansion(OpBuilder &b, const Node &node) : b(b), node(node) {}
  Lowered run();

private:
  Value make(StringRef kind, RankedTensorType type, ValueRange inputs,
             ArrayRef<NamedAttribute> attributes = {}) {
    return makeNode(b, node.loc(), kind, type, inputs, attributes).result();
  }
  Value integers(ArrayRef<int64_t> values) {
    auto type = RankedTensorType::get({int64_t(values.size())}, b.getI64Type());
    return arith::ConstantOp::create(b, node.loc(),
                                     DenseElementsAttr::get(type, values));
  }
  Value number(RankedTensorType like, double value) {
    Type element = like.getElementType();
    return arith::ConstantOp::create(
        b, node.loc(),
        DenseElementsAttr::get(RankedTensorType::get({}, element),
                               FloatAttr::get(element, value)));
  }
  Value reshaped(Value value, ArrayRef<int64_t> shape) {
    auto type = cast<RankedTensorType>(value.getType());
    return make("Reshape", type.clone(shape), {value, integers(shape)});
  }
  Value transposed(Value value, ArrayRef<int64_t> perm) {
    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<int64_t> shape;
    for (int64_t dim : perm)
      shape.push_back(type.getDimSize(dim));
    return make("Transpose", type.clone(shape), value,
                b.getNamedAttr("perm", b.getI64ArrayAttr(perm)));
  }
  Value heads(unsigned position, StringRef countName);
  Value repeated(Value value, int64_t heads);
  LogicalResult checkMask(ArrayRef<int64_t> scores);
  Value masked(Value scores);
  Value causalMask(RankedTensorType scores);

  OpBuilder &b;
  const Node &node;
};

ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

/// An input as [batch, heads, sequence, size].
Value AttentionExpansion::heads(unsigned position, StringRef countName) {
  Value value = node.input(position);
  ArrayRef<int64_t> shape = shapeOf(value);
  if (shape.size() == 4)
    return value;
  int64_t count = node.integer(countName, 1);
  Value split =
      reshaped(value, {shape[0], shape[1], count, shape[2] / count});
  return transposed(split, {0, 2, 1, 3});
}

/// Each head of keys or values serves a group of query heads.
Value AttentionExpansion::repeated(Value value, int64_t heads) {
  SmallVector<int64_t> s(shapeOf(value));
  if (s[1] == heads)
    return value;
  SmallVector<int64_t> groups{s[0], s[1], heads / s[1], s[2], s[3]};
  Value single = reshaped(value, {s[0], s[1], 1, s[2], s[3]});
  auto type = cast<RankedTensorType>(value.getType());
  Value all = make("Expand", type.clone(groups), {single, integers(groups)});
  return reshaped(all, {s[0], heads, s[2], s[3]});
}

/// Row r sees columns up to r, counted from the start.
Value AttentionExpansion::causalMask(RankedTensorType scores) {
  ArrayRef<int64_t> matrix = scores.getShape().take_back(2);
  Constant mask =
      Constant::zeros(RankedTensorType::get(matrix, b.getI1Type()));
  Index index(matrix);
  for (int64_t i = 0; i < mask.size(); ++i, index.next())
    mask.integers[i] = index[1] <= index[0];
  return arith::ConstantOp::create(b, node.loc(), mask.toAttr());
}

LogicalResult AttentionExpansion::checkMask(ArrayRef<int64_t> scores) {
  if (!node.input(3))
    return success();
  auto both = broadcastShapes(scores, node.inputShape(3));
  Type element = node.inputType(3).getElementType();
  bool isMask = element.isInteger(1) ||
                element == node.inputType(0).getElementType();
  if (isMask && both && ArrayRef(*both) == scores)
    return success();
  return node.error() << "a mask of " << node.inputType(3)
                      << " does not fit to scores of "
                      << node.inputType(0).clone(scores);
}

Value AttentionExpansion::masked(Value scores) {
  auto type = cast<RankedTensorType>(scores.getType());
  Value out = number(type, -std::numeric_limits<double>::infinity());
  if (Value mask = node.input(3)) {
    bool isTruth = node.inputType(3).getElementType().isInteger(1);
    scores = isTruth ? make("Where", type, {mask, scores, out})
                     : make("Add", type, {scores, mask});
  }
  if (node.integer("is_causal", 0))
    scores = make("Where", type, {causalMask(type), scores, out});
  return scores;
}

Lowered AttentionExpansion::run() {
  Value q = heads(0, "q_num_heads"), k = heads(1, "kv_num_heads"),
        v = heads(2, "kv_num_heads");
  ArrayRef<int64_t> sq = shapeOf(q), sk = shapeOf(k), sv = shapeOf(v);
  if (sq.size() != 4 || sk.size() != 4 || sv.size() != 4 || sq[3] != sk[3] ||
      sk[1] != sv[1] || sk[2] != sv[2] || sk[1] == 0 || sq[1] % sk[1])
    return node.error() << "queries of " << node.inputType(0) << ", keys of "
                        << node.inputType(1) << " and values of "
                        << node.inputType(2) << " do not fit together";
  if (sq[0] != sk[0] || sq[0] != sv[0])
    return node.error() << "queries of " << node.inputType(0) << ", keys of "
                        << node.inputType(1) << " and values of "
                        << node.inputType(2) << " differ in batch";
  int64_t heads = sq[1], rows = sq[2], columns = sk[2];
  if (failed(checkMask({sq[0], heads, rows, columns})))
    return failure();
  double scale = node.real("scale", 1 / std::sqrt(double(sq[3])));
  auto type = node.inputType(0).clone({sq[0], heads, rows, columns});
  auto outType = node.inputType(0).clone({sq[0], heads, rows, sv[3]});

  Value keys = transposed(repeated(k, heads), {0, 1, 3, 2});
  Value scores = make("MatMul", type, {q, keys});
  scores = make("Mul", type, {scores, number(type, scale)});
  Value weights = make("Softmax", type, masked(scores),
                       b.getNamedAttr("axis", b.getI64IntegerAttr(-1)));
  Value out = make("MatMul", outType, {weights, repeated(v, heads)});
  if (node.inputType(0).getRank() == 3)
    out = reshaped(transposed(out, {0, 2, 1, 3}),
                   node.resultType().getShape());
  return lowered(out);
}

Lowered expandAttention(OpBuilder &b, const Node &node) {
  return AttentionExpansion(b, node).run();
}

struct ExpandAttention : bitpipe::impl::ExpandAttentionBase<ExpandAttention> {
  void runOnOperation() override {
    if (failed(
            legalizeNodes(getOperation(), {{"Attention", expandAttention}})))
      signalPassFailure();
  }
};

} // namespace
