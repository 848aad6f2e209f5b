//===- OperatorsShape.cpp - Constants, and operators that make them --------===//

#include "lib/Transforms/ONNX/Operators.h"

#include <cmath>

using namespace mlir;
using namespace bitpipe;

namespace {

RankedTensorType integersType(const Node &node, int64_t count) {
  return RankedTensorType::get({count},
                               IntegerType::get(node.loc().getContext(), 64));
}

/// The value of a Constant node, whichever of its attributes holds it.
DenseElementsAttr constantValue(const Node &node) {
  if (auto value = dyn_cast_or_null<DenseElementsAttr>(node.attribute("value")))
    return value;
  Builder b(node.loc().getContext());
  if (auto f = dyn_cast_or_null<FloatAttr>(node.attribute("value_float")))
    return DenseElementsAttr::get(RankedTensorType::get({}, f.getType()), f);
  if (auto i = dyn_cast_or_null<IntegerAttr>(node.attribute("value_int")))
    return DenseElementsAttr::get(RankedTensorType::get({}, i.getType()), i);
  if (auto ints = node.integers("value_ints"))
    return DenseElementsAttr::get(integersType(node, ints->size()),
                                  ArrayRef<int64_t>(*ints));
  if (auto floats = dyn_cast_or_null<ArrayAttr>(node.attribute("value_floats")))
    return DenseElementsAttr::get(
        RankedTensorType::get({int64_t(floats.size())}, b.getF32Type()),
        floats.getValue());
  return {};
}

std::string checkConstant(const Node &node) {
  return constantValue(node) ? "" : "a constant of strings or a sparse one";
}

LogicalResult inferConstant(const Node &node, SmallVectorImpl<Type> &types) {
  types.push_back(constantValue(node).getType());
  return success();
}

LogicalResult evaluateConstant(const Node &node, ArrayRef<Constant>,
                               MutableArrayRef<Constant> results) {
  results.front() = Constant::from(constantValue(node));
  return success();
}

/// The part of the shape that Shape's start and end attributes choose.
SmallVector<int64_t> chosenShape(const Node &node) {
  ArrayRef<int64_t> shape = node.inputShape(0);
  int64_t rank = shape.size();
  auto clamp = [&](int64_t at) {
    return std::clamp(at < 0 ? at + rank : at, int64_t(0), rank);
  };
  int64_t start = clamp(node.integer("start", 0));
  int64_t end = clamp(node.integer("end", rank));
  return SmallVector<int64_t>(
      shape.slice(start, std::max<int64_t>(0, end - start)));
}

LogicalResult inferShape(const Node &node, SmallVectorImpl<Type> &types) {
  types.push_back(integersType(node, chosenShape(node).size()));
  return success();
}

LogicalResult evaluateShape(const Node &node, ArrayRef<Constant>,
                            MutableArrayRef<Constant> results) {
  llvm::copy(chosenShape(node), results.front().integers.begin());
  return success();
}

LogicalResult inferSize(const Node &node, SmallVectorImpl<Type> &types) {
  types.push_back(
      RankedTensorType::get({}, IntegerType::get(node.loc().getContext(), 64)));
  return success();
}

LogicalResult evaluateSize(const Node &node, ArrayRef<Constant>,
                           MutableArrayRef<Constant> results) {
  results.front().integers[0] = node.inputType(0).getNumElements();
  return success();
}

LogicalResult inferConstantOfShape(const Node &node,
                                   SmallVectorImpl<Type> &types) {
  auto shape = integersOf(node.input(0));
  if (!shape || llvm::any_of(*shape, [](int64_t d) { return d < 0; }))
    return node.error() << "its shape is not constant, expected one that does "
                           "not depend on inputs or parameters";
  auto value = dyn_cast_or_null<DenseElementsAttr>(node.attribute("value"));
  Type element = value ? value.getElementType()
                       : Float32Type::get(node.loc().getContext());
  types.push_back(RankedTensorType::get(*shape, element));
  return success();
}

LogicalResult evaluateConstantOfShape(const Node &node, ArrayRef<Constant>,
                                      MutableArrayRef<Constant> results) {
  auto value = dyn_cast_or_null<DenseElementsAttr>(node.attribute("value"));
  if (!value)
    return success();
  Constant fill = Constant::from(value);
  for (int64_t i = 0; i < results.front().size(); ++i)
    results.front().copy(i, fill, 0);
  return success();
}

/// Start, limit and step of a Range whose operands are constant.
std::optional<std::array<double, 3>> rangeOf(const Node &node) {
  std::array<double, 3> bounds;
  for (int i = 0; i < 3; ++i) {
    DenseElementsAttr attr = constantOf(node.input(i));
    if (!attr || attr.getNumElements() != 1)
      return std::nullopt;
    Constant c = Constant::from(attr);
    bounds[i] = c.isReal() ? c.reals[0] : double(c.integers[0]);
  }
  return bounds;
}

LogicalResult inferRange(const Node &node, SmallVectorImpl<Type> &types) {
  auto range = rangeOf(node);
  if (!range || (*range)[2] == 0)
    return node.error() << "its bounds are not constant, expected ones that do "
                           "not depend on inputs or parameters";
  auto [start, limit, step] = *range;
  // Of what is no number there is nothing.
  int64_t count = std::min(std::max(0.0, std::ceil((limit - start) / step)), 0x1p50);
  types.push_back(
      RankedTensorType::get({count}, node.inputType(0).getElementType()));
  return success();
}

LogicalResult evaluateRange(const Node &, ArrayRef<Constant> inputs,
                            MutableArrayRef<Constant> results) {
  Constant &result = results.front();
  for (int64_t i = 0; i < result.size(); ++i) {
    if (result.isReal())
      result.reals[i] = inputs[0].reals[0] + i * inputs[2].reals[0];
    else
      result.integers[i] = uint64_t(inputs[0].integers[0]) + i * uint64_t(inputs[2].integers[0]);
  }
  return success();
}

} // namespace

void bitpipe::addShapeOperators(OperatorTable &table) {
  table["Constant"] = {0, 0, inferConstant, evaluateConstant, ~0u,
                       checkConstant};
  table["Shape"] = {1, 1, inferShape, evaluateShape, 0};
  table["Size"] = {1, 1, inferSize, evaluateSize, 0};
  table["ConstantOfShape"] = {1, 1, inferConstantOfShape,
                              evaluateConstantOfShape};
  table["Range"] = {3, 3, inferRange, evaluateRange};
}
