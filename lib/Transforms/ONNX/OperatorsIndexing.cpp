//===- OperatorsIndexing.cpp - Gathers, running sums, triangles ------------===//

#include "lib/Transforms/ONNX/Operators.h"

using namespace mlir;
using namespace bitpipe;

namespace {

/// A constant index, counted from the front; -1 if it is out of range.
int64_t wrapIndex(int64_t index, int64_t extent) {
  if (index < 0)
    index += extent;
  return index >= 0 && index < extent ? index : -1;
}

LogicalResult outOfRange(const Node &node, int64_t index, int64_t extent) {
  return node.error() << "index " << index << " is out of range, expected one "
                      << "of " << extent;
}

LogicalResult inferGather(const Node &node, SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> from = node.inputShape(0);
  auto axis = node.axis(0, from.size());
  if (!axis)
    return node.error() << "has no axis in " << node.inputType(0);
  SmallVector<int64_t> shape(from.take_front(*axis));
  llvm::append_range(shape, node.inputShape(1));
  llvm::append_range(shape, from.drop_front(*axis + 1));
  types.push_back(node.inputType(0).clone(shape));
  return success();
}

LogicalResult evaluateGather(const Node &node, ArrayRef<Constant> inputs,
                             MutableArrayRef<Constant> results) {
  const Constant &data = inputs[0], &ids = inputs[1];
  int64_t axis = *node.axis(0, data.shape().size());
  int64_t extent = data.shape()[axis];
  int64_t inner = ShapedType::getNumElements(data.shape().drop_front(axis + 1));
  int64_t outer = ShapedType::getNumElements(data.shape().take_front(axis));
  int64_t to = 0;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t id : ids.integers) {
      int64_t row = wrapIndex(id, extent);
      if (row < 0)
        return outOfRange(node, id, extent);
      for (int64_t i = 0; i < inner; ++i)
        results[0].copy(to++, data, (o * extent + row) * inner + i);
    }
  return success();
}

std::string checkGatherND(const Node &node) {
  return node.integer("batch_dims", 0) == 0 ? "" : "batch_dims other than 0";
}

LogicalResult inferGatherND(const Node &node, SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> from = node.inputShape(0), ids = node.inputShape(1);
  if (ids.empty() || ids.back() > int64_t(from.size()))
    return node.error() << "indices of " << node.inputType(1)
                        << " do not fit to " << node.inputType(0);
  SmallVector<int64_t> shape(ids.drop_back());
  llvm::append_range(shape, from.drop_front(ids.back()));
  types.push_back(node.inputType(0).clone(shape));
  return success();
}

LogicalResult evaluateGatherND(const Node &node, ArrayRef<Constant> inputs,
                               MutableArrayRef<Constant> results) {
  const Constant &data = inputs[0], &ids = inputs[1];
  int64_t depth = ids.shape().back();
  int64_t inner = ShapedType::getNumElements(data.shape().drop_front(depth));
  auto strides = stridesOf(data.shape());
  for (int64_t i = 0, n = ids.size() / std::max<int64_t>(depth, 1); i < n; ++i) {
    int64_t offset = 0;
    for (int64_t d = 0; d < depth; ++d) {
      int64_t id = ids.integers[i * depth + d];
      int64_t at = wrapIndex(id, data.shape()[d]);
      if (at < 0)
        return outOfRange(node, id, data.shape()[d]);
      offset += at * strides[d];
    }
    for (int64_t k = 0; k < inner; ++k)
      results[0].copy(i * inner + k, data, offset + k);
  }
  return success();
}

LogicalResult inferGatherElements(const Node &node,
                                  SmallVectorImpl<Type> &types) {
  if (node.inputType(0).getRank() != node.inputType(1).getRank())
    return node.error() << "indices of " << node.inputType(1)
                        << " do not fit to " << node.inputType(0);
  types.push_back(node.inputType(0).clone(node.inputShape(1)));
  return success();
}

LogicalResult evaluateGatherElements(const Node &node,
                                     ArrayRef<Constant> inputs,
                                     MutableArrayRef<Constant> results) {
  const Constant &data = inputs[0], &ids = inputs[1];
  auto axis = node.axis(0, data.shape().size());
  if (!axis)
    return node.error() << "has no axis in " << node.inputType(0);
  auto strides = stridesOf(data.shape());
  Index index(ids.shape());
  for (int64_t i = 0; i < ids.size(); ++i, index.next()) {
    int64_t row = wrapIndex(ids.integers[i], data.shape()[*axis]);
    if (row < 0)
      return outOfRange(node, ids.integers[i], data.shape()[*axis]);
    SmallVector<int64_t> at(index.values());
    at[*axis] = row;
    results[0].copy(i, data, linear(at, strides));
  }
  return success();
}

LogicalResult inferCumSum(const Node &node, SmallVectorImpl<Type> &types) {
  int64_t rank = node.inputType(0).getRank();
  auto axis = integersOf(node.input(1));
  if (!axis || axis->size() != 1 || axis->front() < -rank ||
      axis->front() >= rank)
    return node.error() << "its axis is not constant or not one of "
                        << node.inputType(0);
  return inferSameAsInput(node, types);
}

LogicalResult evaluateCumSum(const Node &node, ArrayRef<Constant> inputs,
                             MutableArrayRef<Constant> results) {
  const Constant &from = inputs[0];
  Constant &to = results[0];
  int64_t rank = from.shape().size();
  int64_t axis = inputs[1].integers.front();
  axis = axis < 0 ? axis + rank : axis;
  bool exclusive = node.integer("exclusive", 0);
  bool reverse = node.integer("reverse", 0);
  int64_t extent = from.shape()[axis], stride = stridesOf(from.shape())[axis];
  for (int64_t start = 0; start < from.size(); ++start) {
    if (start / stride % extent != 0)
      continue; // not the first of its line
    auto scan = [&](auto &values, auto &sums) {
      std::decay_t<decltype(sums[0])> sum = 0;
      for (int64_t k = 0; k < extent; ++k) {
        int64_t at = start + (reverse ? extent - 1 - k : k) * stride;
        sums[at] = exclusive ? sum : sum + values[at];
        sum += values[at];
      }
    };
    if (from.isReal())
      scan(from.reals, to.reals);
    else
      scan(from.integers, to.integers);
  }
  return success();
}

LogicalResult evaluateTrilu(const Node &node, ArrayRef<Constant> inputs,
                            MutableArrayRef<Constant> results) {
  const Constant &from = inputs[0];
  size_t rank = from.shape().size();
  int64_t k = inputs.size() > 1 ? inputs[1].integers.front() : 0;
  bool upper = node.integer("upper", 1);
  Index index(from.shape());
  for (int64_t i = 0; i < from.size(); ++i, index.next()) {
    int64_t diagonal = index[rank - 1] - index[rank - 2];
    if (upper ? diagonal >= k : diagonal <= k)
      results[0].copy(i, from, i);
  }
  return success();
}

bool isNonZero(const Constant &c, int64_t i) {
  return c.isReal() ? c.reals[i] != 0 : c.integers[i] != 0;
}

/// How many elements there are depends on the values.
LogicalResult inferNonZero(const Node &node, SmallVectorImpl<Type> &types) {
  DenseElementsAttr attr = constantOf(node.input(0));
  if (!attr || node.inputType(0).getRank() == 0)
    return node.error() << "its input of " << node.inputType(0)
                        << " is not constant or has no dimension, expected a "
                           "tensor that depends on no input or parameter";
  Constant from = Constant::from(attr);
  int64_t count = 0;
  for (int64_t i = 0; i < from.size(); ++i)
    count += isNonZero(from, i);
  types.push_back(
      RankedTensorType::get({node.inputType(0).getRank(), count},
                            IntegerType::get(node.loc().getContext(), 64)));
  return success();
}

LogicalResult evaluateNonZero(const Node &, ArrayRef<Constant> inputs,
                              MutableArrayRef<Constant> results) {
  const Constant &from = inputs[0];
  int64_t count = results[0].shape()[1], found = 0;
  Index index(from.shape());
  for (int64_t i = 0; i < from.size(); ++i, index.next()) {
    if (!isNonZero(from, i))
      continue;
    for (auto [d, at] : llvm::enumerate(index.values()))
      results[0].integers[d * count + found] = at;
    ++found;
  }
  return success();
}

} // namespace

void bitpipe::addIndexingOperators(OperatorTable &table) {
  table["Gather"] = {2, 2, inferGather, evaluateGather};
  table["GatherND"] = {2, 2, inferGatherND, evaluateGatherND, ~0u,
                       checkGatherND};
  table["GatherElements"] = {2, 2, inferGatherElements, evaluateGatherElements};
  table["CumSum"] = {2, 2, inferCumSum, evaluateCumSum};
  table["NonZero"] = {1, 1, inferNonZero, evaluateNonZero};
  table["Trilu"] = {1, 2, inferSameAsInput, evaluateTrilu};
}
