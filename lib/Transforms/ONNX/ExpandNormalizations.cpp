//===- ExpandNormalizations.cpp - Group, instance and batch normalisation --===//
//
// Groups become rows of a LayerNormalization without scale; scale and bias
// follow as nodes of their own.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/ONNX/Expansion.h"

using namespace mlir;
using namespace bitpipe;

namespace {

/// Per row of the last dimension: mean 0 and variance 1.
Value normalized(Expansion &e, Value x, double epsilon) {
  auto type = cast<RankedTensorType>(x.getType());
  Value ones = e.filled(type.clone({type.getShape().back()}), 1);
  return e.make("LayerNormalization", {x, ones},
                {e.integer("axis", -1), e.real("epsilon", epsilon)});
}

/// A vector over dimension 1, as something that broadcasts to `rank`.
Value perChannel(Expansion &e, Value vector, int64_t rank) {
  SmallVector<int64_t> shape(rank - 1, 1);
  shape.front() = shapeOf(vector)[0];
  return e.reshape(vector, shape);
}

Value scaledAndShifted(Expansion &e, Value x, Value scale, Value bias) {
  int64_t rank = shapeOf(x).size();
  return e.add(e.mul(x, perChannel(e, scale, rank)),
               perChannel(e, bias, rank));
}

/// Checks that inputs 1 to `count` are vectors of `size`.
LogicalResult expectVectors(const Node &node, unsigned count, int64_t size) {
  for (unsigned i = 1; i <= count; ++i)
    if (node.inputShape(i) != ArrayRef<int64_t>{size})
      return node.error() << "input " << i << " is " << node.inputType(i)
                          << ", expected " << size << " elements";
  return success();
}

LogicalResult expectRank(const Node &node, int64_t rank) {
  if (node.inputType(0).getRank() >= rank)
    return success();
  return node.error() << "is of " << node.inputType(0) << ", expected at least "
                      << rank << " dimensions";
}

std::string checkStashType(const Node &node) {
  return node.integer("stash_type", 1) == 1
             ? ""
             : "a stash_type other than float";
}

//===----------------------------------------------------------------------===//
// Groups, instances, batches
//===----------------------------------------------------------------------===//

/// Up to operator set 20 there is a scale per group, later one per channel.
bool scalesGroups(const Node &node) { return node.opset() < 21; }

LogicalResult inferGroupNorm(const Node &node, SmallVectorImpl<Type> &types) {
  if (failed(expectRank(node, 2)))
    return failure();
  int64_t groups = node.integer("num_groups", 0);
  int64_t channels = node.inputShape(0)[1];
  if (groups < 1 || channels % groups)
    return node.error() << "num_groups is " << groups
                        << ", expected a divisor of " << channels
                        << " channels";
  if (failed(expectVectors(node, 2, scalesGroups(node) ? groups : channels)))
    return failure();
  return inferSameAsInput(node, types);
}

Lowered expandGroupNorm(Expansion &e, const Node &node) {
  ArrayRef<int64_t> shape = node.inputShape(0);
  int64_t groups = node.integer("num_groups", 0);
  int64_t size = ShapedType::getNumElements(shape.drop_front()) / groups;
  Value x = e.reshape(node.input(0), {shape[0], groups, size});
  Value y = normalized(e, x, node.real("epsilon", 1e-5));
  if (scalesGroups(node))
    return lowered(e.reshape(
        scaledAndShifted(e, y, node.input(1), node.input(2)), shape));
  return lowered(scaledAndShifted(e, e.reshape(y, shape), node.input(1),
                                  node.input(2)));
}

LogicalResult inferInstanceNorm(const Node &node,
                                SmallVectorImpl<Type> &types) {
  if (failed(expectRank(node, 3)) ||
      failed(expectVectors(node, 2, node.inputShape(0)[1])))
    return failure();
  return inferSameAsInput(node, types);
}

Lowered expandInstanceNorm(Expansion &e, const Node &node) {
  ArrayRef<int64_t> shape = node.inputShape(0);
  int64_t size = ShapedType::getNumElements(shape.drop_front(2));
  Value x = e.reshape(node.input(0), {shape[0], shape[1], size});
  Value y = normalized(e, x, node.real("epsilon", 1e-5));
  y = scaledAndShifted(e, y, node.input(1), node.input(2));
  return lowered(e.reshape(y, shape));
}

LogicalResult inferBatchNorm(const Node &node, SmallVectorImpl<Type> &types) {
  if (failed(expectRank(node, 2)) ||
      failed(expectVectors(node, 4, node.inputShape(0)[1])))
    return failure();
  return inferSameAsInput(node, types);
}

std::string checkBatchNorm(const Node &node) {
  bool trains = node.integer("training_mode", 0) ||
                node.getOp()->getNumResults() > 1;
  return trains ? "training mode (export the model in eval mode)" : "";
}

/// (x - mean) / sqrt(variance + epsilon) * scale + bias
Lowered expandBatchNorm(Expansion &e, const Node &node) {
  Value variance = node.input(4);
  Value shifted = e.add(variance, e.number(variance, node.real("epsilon", 1e-5)));
  Value factor = e.div(node.input(1), e.make("Sqrt", shifted));
  int64_t rank = node.inputType(0).getRank();
  Value x = e.sub(node.input(0), perChannel(e, node.input(3), rank));
  return lowered(scaledAndShifted(e, x, factor, node.input(2)));
}

//===----------------------------------------------------------------------===//
// Scales of other shapes
//===----------------------------------------------------------------------===//

/// Whether input `position` is what is normalised, but for leading ones.
bool isNormalizedShape(const Node &node, unsigned position) {
  if (!node.input(position))
    return true;
  int64_t axis = *node.axis(-1, node.inputType(0).getRank());
  ArrayRef<int64_t> own = node.inputShape(position);
  ArrayRef<int64_t> wanted = node.inputShape(0).drop_front(axis);
  while (own.size() > wanted.size() && own.front() == 1)
    own = own.drop_front();
  return own == wanted;
}

/// A scale or bias that only broadcasts to the input is a node of its own.
Lowered expandScale(Expansion &e, const Node &node) {
  if (isNormalizedShape(node, 1) && isNormalizedShape(node, 2))
    return SmallVector<Value>();
  RankedTensorType type = node.inputType(0);
  int64_t axis = *node.axis(-1, type.getRank());
  Value ones = e.filled(type.clone(type.getShape().drop_front(axis)), 1);
  auto results = e.makeAll(
      node.kind(), {node.input(0), ones},
      {e.integer("axis", axis), e.real("epsilon", node.real("epsilon", 1e-5))},
      node.getOp()->getNumResults());
  results[0] = e.mul(results[0], node.input(1));
  if (node.input(2))
    results[0] = e.add(results[0], node.input(2));
  return results;
}

} // namespace

void bitpipe::addNormalizationFunctions(OperatorTable &table) {
  table["GroupNormalization"] = {3,   3,      inferGroupNorm, nullptr,
                                 ~0u, checkStashType, expandGroupNorm};
  table["InstanceNormalization"] = {
      3, 3, inferInstanceNorm, nullptr, ~0u, nullptr, expandInstanceNorm};
  table["BatchNormalization"] = {5,   5,      inferBatchNorm, nullptr,
                                 ~0u, checkBatchNorm, expandBatchNorm};
  table["LayerNormalization"].expand = expandScale;
  table["RMSNormalization"].expand = expandScale;
}
