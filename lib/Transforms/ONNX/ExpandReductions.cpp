//===- ExpandReductions.cpp - Norms and log-sums in terms of other nodes ---===//

#include "lib/Transforms/ONNX/Expansion.h"
#include "lib/Transforms/ONNX/Reductions.h"

using namespace mlir;
using namespace bitpipe;

namespace {

Value reduced(Expansion &e, const Node &node, StringRef kind, Value x) {
  return e.reduce(kind, x, *reducedDims(node), node.integer("keepdims", 1));
}

/// The square root, whose gradient at zero is zero as that of PyTorch's norms.
Value safeSqrt(Expansion &e, Value x) {
  Value isZero = e.make("Equal", {x, e.number(x, 0)});
  Value root = e.make("Sqrt", e.where(isZero, e.number(x, 1), x));
  return e.where(isZero, e.number(x, 0), root);
}

/// The largest element along dimensions that are kept as ones, zero where it
/// is infinite: what may be subtracted before exp.
Value finiteMaximum(Expansion &e, Value x, ArrayRef<bool> dims) {
  Value maximum = e.reduce("ReduceMax", x, dims, /*keepDims=*/true);
  return e.where(e.make("IsInf", maximum), e.number(x, 0), maximum);
}

Value logSumExp(Expansion &e, Value x, ArrayRef<bool> dims) {
  Value shift = finiteMaximum(e, x, dims);
  Value sum = e.reduce("ReduceSum", e.make("Exp", e.sub(x, shift)), dims,
                       /*keepDims=*/true);
  return e.add(e.make("Log", sum), shift);
}

Lowered expandReduceL1(Expansion &e, const Node &node) {
  return lowered(
      reduced(e, node, "ReduceSum", e.make("Abs", node.input(0))));
}

Lowered expandReduceSumSquare(Expansion &e, const Node &node) {
  Value x = node.input(0);
  return lowered(reduced(e, node, "ReduceSum", e.mul(x, x)));
}

Lowered expandReduceL2(Expansion &e, const Node &node) {
  return lowered(safeSqrt(e, expandReduceSumSquare(e, node)->front()));
}

Lowered expandReduceLogSum(Expansion &e, const Node &node) {
  return lowered(
      e.make("Log", reduced(e, node, "ReduceSum", node.input(0))));
}

Lowered expandReduceLogSumExp(Expansion &e, const Node &node) {
  Value y = logSumExp(e, node.input(0), *reducedDims(node));
  return lowered(e.reshape(y, node.resultType().getShape()));
}

/// Halves are multiplied with each other until one element is left, so that
/// the gradient is right where an element is zero.
Lowered expandReduceProd(Expansion &e, const Node &node) {
  auto dims = *reducedDims(node);
  SmallVector<int64_t> perm, kept;
  int64_t left = 1;
  for (bool gone : {false, true})
    for (auto [i, isGone] : llvm::enumerate(dims))
      if (isGone == gone)
        perm.push_back(i);
  for (auto [dim, gone] : llvm::zip(node.inputShape(0), dims))
    if (gone)
      left *= dim;
    else
      kept.push_back(dim);
  if (left == 0)
    return lowered(e.filled(node.resultType(), 1));
  int64_t outer = ShapedType::getNumElements(kept);
  Value x = e.reshape(e.transpose(node.input(0), perm), {outer, left});
  while (left > 1) {
    int64_t half = left / 2;
    Value product =
        e.mul(e.slice(x, 1, 0, half), e.slice(x, 1, half, 2 * half));
    if (left % 2)
      product = e.concat({product, e.slice(x, 1, left - 1, left)}, 1);
    x = product;
    left = half + left % 2;
  }
  return lowered(e.reshape(x, node.resultType().getShape()));
}

/// Identity of no reduction has a function in it that ONNX leaves open.
LogicalResult inferFunction(const Node &node, SmallVectorImpl<Type> &types) {
  if (!isa<FloatType>(node.inputType(0).getElementType()))
    return node.error() << "is of " << node.inputType(0) << ", expected floats";
  auto dims = reducedDims(node);
  if (dims && !dims->empty() && !llvm::is_contained(*dims, true))
    return node.error() << "noop_with_empty_axes without axes is not "
                           "supported, expected axes";
  return inferReduction(node, types);
}

//===----------------------------------------------------------------------===//
// Along one axis
//===----------------------------------------------------------------------===//

SmallVector<bool> onlyAxis(const Node &node, int64_t otherwise) {
  int64_t rank = node.inputType(0).getRank();
  SmallVector<bool> dims(rank, false);
  dims[*node.axis(otherwise, rank)] = true;
  return dims;
}

LogicalResult inferAlongAxis(const Node &node, SmallVectorImpl<Type> &types) {
  if (!node.axis(-1, node.inputType(0).getRank()))
    return node.error() << "has no axis in " << node.inputType(0);
  return inferSameAsInput(node, types);
}

Lowered expandLogSoftmax(Expansion &e, const Node &node) {
  Value x = node.input(0);
  auto dims = onlyAxis(node, -1);
  Value shifted = e.sub(x, finiteMaximum(e, x, dims));
  Value sum = e.reduce("ReduceSum", e.make("Exp", shifted), dims,
                       /*keepDims=*/true);
  return lowered(e.sub(shifted, e.make("Log", sum)));
}

/// A vector of norm zero stays zero.
Lowered expandLpNormalization(Expansion &e, const Node &node) {
  Value x = node.input(0);
  StringRef norm = node.integer("p", 2) == 1 ? "ReduceL1" : "ReduceL2";
  Value length = e.reduce(norm, x, onlyAxis(node, -1), /*keepDims=*/true);
  Value isZero = e.make("Equal", {length, e.number(x, 0)});
  return lowered(e.div(x, e.where(isZero, e.number(x, 1), length)));
}

std::string checkLpNormalization(const Node &node) {
  int64_t p = node.integer("p", 2);
  return p == 1 || p == 2 ? "" : "p of " + std::to_string(p);
}

} // namespace

void bitpipe::addReductionFunctions(OperatorTable &table) {
  auto add = [&](StringRef kind, Operator::Expand expand) {
    table[kind] = {1, 2, inferFunction, nullptr, ~0u, nullptr, expand};
  };
  add("ReduceL1", expandReduceL1);
  add("ReduceL2", expandReduceL2);
  add("ReduceSumSquare", expandReduceSumSquare);
  add("ReduceLogSum", expandReduceLogSum);
  add("ReduceLogSumExp", expandReduceLogSumExp);
  table["ReduceProd"].expand = expandReduceProd;
  table["LogSoftmax"] = {1,   1,       inferAlongAxis, nullptr,
                         ~0u, nullptr, expandLogSoftmax};
  table["LpNormalization"] = {
      1,   1,      inferAlongAxis,       nullptr,
      ~0u, checkLpNormalization, expandLpNormalization};
}
