//===- OperatorsReduction.cpp - Reductions and normalisations --------------===//

#include "lib/Transforms/ONNX/Operators.h"
#include "lib/Transforms/ONNX/Reductions.h"

using namespace mlir;
using namespace bitpipe;

std::optional<SmallVector<bool>> bitpipe::reducedDims(const Node &node) {
  int64_t rank = node.inputType(0).getRank();
  SmallVector<bool> reduced(rank, false);
  auto axes = node.integersAt(1, "axes");
  if (node.input(1) && !axes)
    return std::nullopt;
  if (!axes || axes->empty()) {
    bool reduceAll = !node.integer("noop_with_empty_axes", 0);
    return SmallVector<bool>(rank, reduceAll);
  }
  for (int64_t axis : *axes) {
    int64_t at = axis < 0 ? axis + rank : axis;
    if (at < 0 || at >= rank)
      return std::nullopt;
    reduced[at] = true;
  }
  return reduced;
}

LogicalResult bitpipe::inferReduction(const Node &node, SmallVectorImpl<Type> &types) {
  auto reduced = reducedDims(node);
  if (!reduced)
    return node.error() << "its axes do not fit to " << node.inputType(0)
                        << " or are not constant";
  bool keep = node.integer("keepdims", 1);
  SmallVector<int64_t> shape;
  for (auto [dim, gone] : llvm::zip(node.inputShape(0), *reduced)) {
    if (!gone)
      shape.push_back(dim);
    else if (keep)
      shape.push_back(1);
  }
  types.push_back(node.inputType(0).clone(shape));
  return success();
}

namespace {

template <typename T>
T combine(StringRef kind, T a, T b) {
  if (kind == "ReduceMax")
    return std::max(a, b);
  if (kind == "ReduceMin")
    return std::min(a, b);
  if (kind == "ReduceProd")
    return a * b;
  return a + b;
}

LogicalResult evaluateReduction(const Node &node, ArrayRef<Constant> inputs,
                                MutableArrayRef<Constant> results) {
  const Constant &from = inputs[0];
  Constant &to = results[0];
  auto reduced = *reducedDims(node);
  SmallVector<int64_t> kept;
  for (auto [dim, gone] : llvm::zip(from.shape(), reduced))
    kept.push_back(gone ? 1 : dim);
  auto strides = broadcastStrides(kept, from.shape());
  std::vector<bool> seen(to.size(), false);
  Index index(from.shape());
  for (int64_t i = 0; i < from.size(); ++i, index.next()) {
    int64_t at = linear(index.values(), strides);
    if (!seen[at])
      to.copy(at, from, i);
    else if (to.isReal())
      to.reals[at] = combine(node.kind(), to.reals[at], from.reals[i]);
    else
      to.integers[at] = combine(node.kind(), to.integers[at], from.integers[i]);
    seen[at] = true;
  }
  if (node.kind() != "ReduceMean" || to.size() == 0)
    return success();
  int64_t count = from.size() / to.size();
  for (double &v : to.reals)
    v /= count;
  for (int64_t &v : to.integers)
    v /= count;
  return success();
}

std::string checkStashType(const Node &node) {
  return node.integer("stash_type", 1) == 1
             ? ""
             : "a stash_type other than float";
}

LogicalResult inferSoftmax(const Node &node, SmallVectorImpl<Type> &types) {
  if (!node.axis(-1, node.inputType(0).getRank()))
    return node.error() << "has no axis in " << node.inputType(0);
  return inferSameAsInput(node, types);
}

/// Mean and inverse deviation have one entry per normalised row.
LogicalResult inferNormalization(const Node &node,
                                 SmallVectorImpl<Type> &types) {
  auto axis = node.axis(-1, node.inputType(0).getRank());
  if (!axis)
    return node.error() << "has no axis in " << node.inputType(0);
  for (unsigned i = 1; i < node.numInputs(); ++i) {
    if (!node.input(i))
      continue;
    auto both = broadcastShapes(node.inputShape(0), node.inputShape(i));
    if (!both || ArrayRef(*both) != node.inputShape(0))
      return node.error() << "input " << i << " is " << node.inputType(i)
                          << ", expected what can be repeated to "
                          << node.inputType(0);
  }
  types.push_back(node.inputType(0));
  SmallVector<int64_t> rows(node.inputShape(0));
  std::fill(rows.begin() + *axis, rows.end(), 1);
  while (types.size() < node.getOp()->getNumResults())
    types.push_back(node.inputType(0).clone(rows));
  return success();
}

} // namespace

void bitpipe::addReductionOperators(OperatorTable &table) {
  for (StringRef kind :
       {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd"})
    table[kind] = {1, 2, inferReduction, evaluateReduction};
  table["Softmax"] = {1, 1, inferSoftmax};
  table["LayerNormalization"] = {2, 3, inferNormalization, nullptr, ~0u,
                                 checkStashType};
  table["RMSNormalization"] = {2, 2, inferNormalization, nullptr, ~0u,
                               checkStashType};
}
