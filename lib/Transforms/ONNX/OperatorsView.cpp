//===- OperatorsView.cpp - Operators that only move elements ---------------===//
//
// Types and constant folding. How they become tensor operations is in
// LegalizeViews.cpp.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/ONNX/Operators.h"
#include "lib/Transforms/ONNX/Views.h"

using namespace mlir;
using namespace bitpipe;

namespace {

LogicalResult inferReshape(const Node &node, SmallVectorImpl<Type> &types) {
  auto shape = integersOf(node.input(1));
  if (!shape)
    return notConstant(node, "shape");
  bool keepZero = node.integer("allowzero", 0);
  ArrayRef<int64_t> from = node.inputShape(0);
  SmallVector<int64_t> known;
  int64_t *open = nullptr;
  for (auto [i, dim] : llvm::enumerate(*shape)) {
    if (dim == 0 && !keepZero) {
      if (i >= from.size())
        return notConstant(node, "shape");
      dim = from[i];
    }
    if (dim == -1 && !open)
      open = &dim;
    else
      known.push_back(dim);
  }
  int64_t count = node.inputType(0).getNumElements();
  if (int64_t rest = countElements(known).value_or(0); open)
    *open = rest ? count / rest : 0;
  if (countElements(*shape) != count)
    return node.error() << "cannot give " << node.inputType(0)
                        << " the shape it asks for";
  types.push_back(node.inputType(0).clone(*shape));
  return success();
}

LogicalResult inferUnsqueeze(const Node &node, SmallVectorImpl<Type> &types) {
  auto axes = node.integersAt(1, "axes");
  if (!axes)
    return notConstant(node, "list of axes");
  int64_t rank = node.inputType(0).getRank() + axes->size();
  SmallVector<bool> isNew(rank, false);
  for (int64_t axis : *axes) {
    int64_t at = axis < 0 ? axis + rank : axis;
    if (at < 0 || at >= rank || isNew[at])
      return notConstant(node, "list of axes");
    isNew[at] = true;
  }
  SmallVector<int64_t> shape;
  ArrayRef<int64_t> rest = node.inputShape(0);
  for (bool added : isNew) {
    shape.push_back(added ? 1 : rest.front());
    rest = added ? rest : rest.drop_front();
  }
  types.push_back(node.inputType(0).clone(shape));
  return success();
}

LogicalResult inferSqueeze(const Node &node, SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> from = node.inputShape(0);
  int64_t rank = from.size();
  SmallVector<bool> drop(rank, false);
  auto axes = node.integersAt(1, "axes");
  if (node.input(1) && !axes)
    return notConstant(node, "list of axes");
  if (axes) {
    for (int64_t axis : *axes) {
      int64_t at = axis < 0 ? axis + rank : axis;
      if (at < 0 || at >= rank || from[at] != 1)
        return notConstant(node, "list of axes");
      drop[at] = true;
    }
  } else {
    for (int64_t i = 0; i < rank; ++i)
      drop[i] = from[i] == 1;
  }
  SmallVector<int64_t> shape;
  for (auto [dim, dropped] : llvm::zip(from, drop))
    if (!dropped)
      shape.push_back(dim);
  types.push_back(node.inputType(0).clone(shape));
  return success();
}

LogicalResult inferFlatten(const Node &node, SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> from = node.inputShape(0);
  int64_t axis = node.integer("axis", 1);
  axis = axis < 0 ? axis + int64_t(from.size()) : axis;
  if (axis < 0 || axis > int64_t(from.size()))
    return notConstant(node, "axis");
  types.push_back(node.inputType(0).clone(
      {ShapedType::getNumElements(from.take_front(axis)),
       ShapedType::getNumElements(from.drop_front(axis))}));
  return success();
}

LogicalResult evaluateReshape(const Node &, ArrayRef<Constant> inputs,
                              MutableArrayRef<Constant> results) {
  results[0].integers = inputs[0].integers;
  results[0].reals = inputs[0].reals;
  return success();
}

LogicalResult inferTranspose(const Node &node, SmallVectorImpl<Type> &types) {
  auto perm = permutation(node);
  if (!perm)
    return node.error() << "perm is no permutation of the dimensions of "
                        << node.inputType(0);
  SmallVector<int64_t> shape;
  for (int64_t dim : *perm)
    shape.push_back(node.inputShape(0)[dim]);
  types.push_back(node.inputType(0).clone(shape));
  return success();
}

/// result[index] = input[offset + index * strides].
void copyStrided(const Constant &input, Constant &result, int64_t offset,
                 ArrayRef<int64_t> strides) {
  Index index(result.shape());
  for (int64_t i = 0; i < result.size(); ++i, index.next())
    result.copy(i, input, offset + linear(index.values(), strides));
}

LogicalResult evaluateTranspose(const Node &node, ArrayRef<Constant> inputs,
                                MutableArrayRef<Constant> results) {
  auto strides = stridesOf(inputs[0].shape());
  SmallVector<int64_t> permuted;
  SmallVector<int64_t> perm = *permutation(node);
  for (int64_t dim : perm)
    permuted.push_back(strides[dim]);
  copyStrided(inputs[0], results[0], 0, permuted);
  return success();
}

LogicalResult inferExpand(const Node &node, SmallVectorImpl<Type> &types) {
  auto shape = integersOf(node.input(1));
  if (!shape || llvm::any_of(*shape, [](int64_t d) { return d < 0; }))
    return notConstant(node, "shape");
  auto both = broadcastShapes(node.inputShape(0), *shape);
  if (!both)
    return notConstant(node, "shape");
  types.push_back(node.inputType(0).clone(*both));
  return success();
}

LogicalResult evaluateExpand(const Node &, ArrayRef<Constant> inputs,
                             MutableArrayRef<Constant> results) {
  copyStrided(inputs[0], results[0], 0,
              broadcastStrides(inputs[0].shape(), results[0].shape()));
  return success();
}

LogicalResult inferConcat(const Node &node, SmallVectorImpl<Type> &types) {
  RankedTensorType first = node.inputType(0);
  auto axis = node.axis(0, first.getRank());
  if (!axis)
    return notConstant(node, "axis");
  SmallVector<int64_t> shape(first.getShape());
  for (unsigned i = 1; i < node.numInputs(); ++i) {
    SmallVector<int64_t> other(node.inputShape(i));
    if (other.size() != shape.size())
      return node.error() << "inputs differ in rank";
    int64_t extent = other[*axis];
    other[*axis] = shape[*axis];
    if (other != shape)
      return node.error() << "input of " << node.inputType(i)
                          << " does not fit to " << first;
    shape[*axis] += extent;
  }
  types.push_back(first.clone(shape));
  return success();
}

LogicalResult evaluateConcat(const Node &node, ArrayRef<Constant> inputs,
                             MutableArrayRef<Constant> results) {
  Constant &result = results[0];
  int64_t axis = *node.axis(0, result.shape().size());
  auto strides = stridesOf(result.shape());
  int64_t offset = 0;
  for (const Constant &input : inputs) {
    Index index(input.shape());
    for (int64_t i = 0; i < input.size(); ++i, index.next())
      result.copy(offset + linear(index.values(), strides), input, i);
    offset += input.shape()[axis] * strides[axis];
  }
  return success();
}

LogicalResult inferSplit(const Node &node, SmallVectorImpl<Type> &types) {
  auto sizes = splitSizes(node);
  if (!sizes)
    return notConstant(node, "list of sizes");
  int64_t axis = *node.axis(0, node.inputType(0).getRank());
  for (int64_t size : *sizes) {
    SmallVector<int64_t> shape(node.inputShape(0));
    shape[axis] = size;
    types.push_back(node.inputType(0).clone(shape));
  }
  return success();
}

LogicalResult evaluateSplit(const Node &node, ArrayRef<Constant> inputs,
                            MutableArrayRef<Constant> results) {
  int64_t axis = *node.axis(0, inputs[0].shape().size());
  auto strides = stridesOf(inputs[0].shape());
  int64_t offset = 0;
  for (Constant &result : results) {
    copyStrided(inputs[0], result, offset, strides);
    offset += result.shape()[axis] * strides[axis];
  }
  return success();
}

LogicalResult inferSlice(const Node &node, SmallVectorImpl<Type> &types) {
  auto bounds = sliceBounds(node);
  if (!bounds)
    return notConstant(node, "range");
  types.push_back(node.inputType(0).clone(bounds->sizes));
  return success();
}

LogicalResult evaluateSlice(const Node &node, ArrayRef<Constant> inputs,
                            MutableArrayRef<Constant> results) {
  SliceBounds bounds = *sliceBounds(node);
  auto strides = stridesOf(inputs[0].shape());
  int64_t offset = linear(bounds.starts, strides);
  for (auto [stride, step] : llvm::zip(strides, bounds.steps))
    stride *= step;
  copyStrided(inputs[0], results[0], offset, strides);
  return success();
}

} // namespace

void bitpipe::addViewOperators(OperatorTable &table) {
  table["Reshape"] = {2, 2, inferReshape, evaluateReshape};
  table["Unsqueeze"] = {1, 2, inferUnsqueeze, evaluateReshape};
  table["Squeeze"] = {1, 2, inferSqueeze, evaluateReshape};
  table["Flatten"] = {1, 1, inferFlatten, evaluateReshape};
  table["Transpose"] = {1, 1, inferTranspose, evaluateTranspose};
  table["Expand"] = {2, 2, inferExpand, evaluateExpand};
  table["Concat"] = {1, ~0u, inferConcat, evaluateConcat};
  table["Split"] = {1, 2, inferSplit, evaluateSplit};
  table["Slice"] = {3, 5, inferSlice, evaluateSlice};
}
