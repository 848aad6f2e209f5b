//===- ExpandAttention.cpp - Attention in terms of other nodes -------------===//

#include "lib/Transforms/ONNX/Expansion.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace bitpipe;

namespace {

/// Queries, keys and values, each [batch, heads, sequence, size].
struct Heads {
  Value q, k, v;
};

/// An input that may have its heads side by side.
Value splitHeads(Expansion &e, Value value, int64_t count) {
  ArrayRef<int64_t> shape = shapeOf(value);
  if (shape.size() == 4)
    return value;
  Value split = e.reshape(value, {shape[0], shape[1], count, shape[2] / count});
  return e.transpose(split, {0, 2, 1, 3});
}

FailureOr<Heads> headsOf(Expansion &e, const Node &node) {
  int64_t ofKeys = node.integer("kv_num_heads", 1);
  Heads h{splitHeads(e, node.input(0), node.integer("q_num_heads", 1)),
          splitHeads(e, node.input(1), ofKeys), splitHeads(e, node.input(2), ofKeys)};
  auto refuse = [&](StringRef how) {
    return node.error() << "queries of " << node.inputType(0) << ", keys of "
                        << node.inputType(1) << " and values of "
                        << node.inputType(2) << " " << how;
  };
  ArrayRef<int64_t> q = shapeOf(h.q), k = shapeOf(h.k), v = shapeOf(h.v);
  if (q.size() != 4 || k.size() != 4 || v.size() != 4 || q[3] != k[3] ||
      k[1] != v[1] || k[2] != v[2] || k[1] == 0 || q[1] % k[1])
    return refuse("do not fit together");
  if (q[0] != k[0] || q[0] != v[0])
    return refuse("differ in batch");
  return h;
}

/// Each head of keys or values serves a group of query heads.
Value repeated(Expansion &e, Value value, int64_t heads) {
  SmallVector<int64_t> s(shapeOf(value));
  if (s[1] == heads)
    return value;
  Value single = e.reshape(value, {s[0], s[1], 1, s[2], s[3]});
  Value all = e.expand(single, {s[0], s[1], heads / s[1], s[2], s[3]});
  return e.reshape(all, {s[0], heads, s[2], s[3]});
}

LogicalResult checkMasks(const Node &node, ArrayRef<int64_t> scores) {
  if (node.integer("is_causal", 0) && *countElements(scores.take_back(2)) > kMostConstant)
    return node.error() << "needs a causal mask for scores of "
                        << node.inputType(0).clone(scores)
                        << ", expected a matrix of at most 2^30 elements";
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

/// Row r sees columns up to r, counted from the start.
Value causalMask(Expansion &e, ArrayRef<int64_t> matrix) {
  Constant mask = Constant::zeros(RankedTensorType::get(matrix, e.b.getI1Type()));
  Index index(matrix);
  for (int64_t i = 0; i < mask.size(); ++i, index.next())
    mask.integers[i] = index[1] <= index[0];
  return e.constant(mask.toAttr());
}

Value masked(Expansion &e, const Node &node, Value scores) {
  Value out = e.number(scores, -std::numeric_limits<double>::infinity());
  if (Value mask = node.input(3)) {
    bool isTruth = node.inputType(3).getElementType().isInteger(1);
    scores = isTruth ? e.where(mask, scores, out) : e.add(scores, mask);
  }
  if (node.integer("is_causal", 0))
    scores = e.where(causalMask(e, shapeOf(scores).take_back(2)), scores, out);
  return scores;
}

Lowered expandAttention(Expansion &e, const Node &node) {
  auto h = headsOf(e, node);
  if (failed(h))
    return failure();
  SmallVector<int64_t> q(shapeOf(h->q));
  if (failed(checkMasks(node, {q[0], q[1], q[2], shapeOf(h->k)[2]})))
    return failure();
  double scale = node.real("scale", 1 / std::sqrt(double(q[3])));
  Value keys = e.transpose(repeated(e, h->k, q[1]), {0, 1, 3, 2});
  Value scores = e.mul(e.make("MatMul", {h->q, keys}), scale);
  Value weights = e.make("Softmax", masked(e, node, scores), e.integer("axis", -1));
  Value out = e.make("MatMul", {weights, repeated(e, h->v, q[1])});
  if (node.inputType(0).getRank() == 3)
    out = e.reshape(e.transpose(out, {0, 2, 1, 3}), node.resultType().getShape());
  return lowered(out);
}

} // namespace

void bitpipe::addAttentionOperator(OperatorTable &table) {
  table["Attention"].expand = expandAttention;
}
