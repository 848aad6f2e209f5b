//===- OperatorsMatrix.cpp - Matrix products and attention -----------------===//

#include "lib/Transforms/ONNX/Operators.h"

using namespace mlir;
using namespace bitpipe;

namespace {

LogicalResult doNotFit(const Node &node) {
  return node.error() << "operands of " << node.inputType(0) << " and "
                      << node.inputType(1) << " do not fit together";
}

LogicalResult inferMatMul(const Node &node, SmallVectorImpl<Type> &types) {
  SmallVector<int64_t> a(node.inputShape(0)), b(node.inputShape(1));
  if (a.empty() || b.empty())
    return doNotFit(node);
  bool vectorA = a.size() == 1, vectorB = b.size() == 1;
  if (vectorA)
    a.insert(a.begin(), 1);
  if (vectorB)
    b.push_back(1);
  ArrayRef<int64_t> as(a), bs(b);
  auto batch = broadcastShapes(as.drop_back(2), bs.drop_back(2));
  if (!batch || as.back() != bs[bs.size() - 2])
    return doNotFit(node);
  if (!vectorA)
    batch->push_back(as[as.size() - 2]);
  if (!vectorB)
    batch->push_back(bs.back());
  types.push_back(node.inputType(0).clone(*batch));
  return success();
}

/// Element (batch..., m, n) sums over k what broadcasting pairs up.
LogicalResult evaluateMatMul(const Node &node, ArrayRef<Constant> inputs,
                             MutableArrayRef<Constant> results) {
  const Constant &a = inputs[0], &b = inputs[1];
  Constant &result = results[0];
  size_t rank = result.shape().size();
  if (!result.isReal() || a.shape().size() < 2 || b.shape().size() < 2)
    return node.error() << "between constants is of " << a.type << " and "
                        << b.type << ", expected float matrices";
  ArrayRef<int64_t> batch = result.shape().drop_back(2);
  int64_t m = result.shape()[rank - 2], n = result.shape()[rank - 1];
  int64_t k = a.shape().back();
  auto strideA = broadcastStrides(a.shape().drop_back(2), batch);
  auto strideB = broadcastStrides(b.shape().drop_back(2), batch);
  Index index(batch);
  for (int64_t i = 0; i < ShapedType::getNumElements(batch); ++i, index.next()) {
    const double *pa =
        a.reals.data() + linear(index.values(), strideA) * m * k;
    const double *pb =
        b.reals.data() + linear(index.values(), strideB) * k * n;
    for (int64_t at = 0; at < m * n; ++at)
      for (int64_t j = 0; j < k; ++j)
        result.reals[i * m * n + at] += pa[at / n * k + j] * pb[j * n + at % n];
  }
  return success();
}

LogicalResult inferGemm(const Node &node, SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> a = node.inputShape(0), b = node.inputShape(1);
  if (a.size() != 2 || b.size() != 2)
    return doNotFit(node);
  bool transA = node.integer("transA", 0), transB = node.integer("transB", 0);
  if (a[!transA] != b[transB])
    return doNotFit(node);
  SmallVector<int64_t> shape{a[transA], b[!transB]};
  if (node.input(2)) {
    auto both = broadcastShapes(node.inputShape(2), shape);
    if (!both || *both != shape)
      return node.error() << "a bias of " << node.inputType(2)
                          << " does not fit to a product of "
                          << node.inputType(0).clone(shape);
  }
  types.push_back(node.inputType(0).clone(shape));
  return success();
}

/// Heads in the middle of three dimensions come from the attributes.
LogicalResult inferAttention(const Node &node, SmallVectorImpl<Type> &types) {
  SmallVector<int64_t> q(node.inputShape(0)), v(node.inputShape(2));
  if (q.size() != v.size() || q.size() < 3 || q.size() > 4)
    return doNotFit(node);
  if (q.size() == 4) {
    q.back() = v.back();
  } else {
    int64_t heads = node.integer("q_num_heads", 0);
    int64_t kvHeads = node.integer("kv_num_heads", 0);
    if (heads <= 0 || kvHeads <= 0 || v.back() % kvHeads ||
        q.back() % heads || node.inputShape(1).size() != 3 ||
        node.inputShape(1).back() % kvHeads)
      return node.error() << "of three dimensions needs q_num_heads and "
                             "kv_num_heads that divide the hidden size";
    q.back() = v.back() / kvHeads * heads;
  }
  types.push_back(node.inputType(0).clone(q));
  return success();
}

std::string checkAttention(const Node &node) {
  if (node.real("softcap", 0) != 0)
    return "a softcap";
  if (node.integer("softmax_precision", 1) != 1)
    return "a softmax_precision other than float";
  if (node.input(4) || node.input(5) || node.getOp()->getNumResults() > 1)
    return "a cache of keys and values (export with use_cache=False)";
  return "";
}

} // namespace

void bitpipe::addMatrixOperators(OperatorTable &table) {
  table["MatMul"] = {2, 2, inferMatMul, evaluateMatMul};
  table["Gemm"] = {2, 3, inferGemm};
  table["Attention"] = {3, 6, inferAttention, nullptr, ~0u, checkAttention};
}
