//===- Expansion.cpp - Building the nodes that replace a node --------------===//

#include "lib/Transforms/ONNX/Expansion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace bitpipe;

ArrayRef<int64_t> bitpipe::shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

Type bitpipe::elementOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getElementType();
}

SmallVector<int64_t> bitpipe::axisToLast(int64_t axis, int64_t rank) {
  auto perm = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  std::swap(perm[axis], perm.back());
  return perm;
}

FailureOr<bool> Expansion::replace(const Node &node) {
  const Operator *op = findOperator(node.kind());
  if (!op || !op->expand)
    return false;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(node.getOp());
  Lowered values = op->expand(*this, node);
  if (failed(values) || !valid)
    return failure();
  if (values->empty())
    return false;
  node.getOp()->replaceAllUsesWith(*values);
  pipe::OnnxNodeOp replaced = node.getOp();
  llvm::erase(created, replaced);
  replaced.erase();
  return true;
}

/// Whoever expands a node has checked its inputs, so that inference of what it
/// is made of succeeds; should it not, it has said why, and nothing is built.
SmallVector<Value> Expansion::makeAll(StringRef kind, ValueRange inputs,
                                      ArrayRef<NamedAttribute> attributes,
                                      unsigned results) {
  SmallVector<Type> types(results, pipe::UnknownType::get(b.getContext()));
  Node node = makeNode(b, loc, kind, types, inputs, attributes);
  types.clear();
  if (failed(inferTypes(*findOperator(kind), node, types))) {
    valid = false;
    types.assign(results, inputs.front().getType());
  }
  for (auto [value, type] : llvm::zip(node.getOp()->getResults(), types))
    value.setType(type);
  created.push_back(node.getOp());
  if (!valid || !findOperator(kind)->expand)
    return SmallVector<Value>(node.getOp()->getResults());

  // Values outlive the node that is replaced through a use of them.
  OperationState holder(loc, "builtin.unrealized_conversion_cast");
  holder.addOperands(node.getOp()->getResults());
  Operation *user = b.create(holder);
  if (failed(replace(node)))
    valid = false;
  SmallVector<Value> values(user->getOperands());
  user->erase();
  return values;
}

Value Expansion::constant(DenseElementsAttr values) {
  return arith::ConstantOp::create(b, loc, values);
}

Value Expansion::filled(RankedTensorType type, double value) {
  Type element = type.getElementType();
  Attribute number =
      isa<FloatType>(element)
          ? Attribute(b.getFloatAttr(element, value))
          : Attribute(b.getIntegerAttr(element, int64_t(value)));
  return constant(DenseElementsAttr::get(type, number));
}

Value Expansion::number(Value like, double value) {
  return filled(RankedTensorType::get({}, elementOf(like)), value);
}

Value Expansion::integers(ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({int64_t(values.size())}, b.getI64Type());
  return constant(DenseElementsAttr::get(type, values));
}

Value Expansion::counting(Type element, int64_t count, int64_t step) {
  Constant values = Constant::zeros(RankedTensorType::get({count}, element));
  for (int64_t i = 0; i < count; ++i)
    if (values.isReal())
      values.reals[i] = i * step;
    else
      values.integers[i] = i * step;
  return constant(values.toAttr());
}

Value Expansion::cast(Value x, Type element) {
  if (elementOf(x) == element)
    return x;
  Value like = filled(RankedTensorType::get({}, element), 0);
  return make("CastLike", {x, like});
}

Value Expansion::reshape(Value x, ArrayRef<int64_t> shape) {
  if (shapeOf(x) == shape)
    return x;
  return make("Reshape", {x, integers(shape)}, integer("allowzero", 1));
}

Value Expansion::transpose(Value x, ArrayRef<int64_t> perm) {
  if (llvm::is_sorted(perm))
    return x;
  return make("Transpose", x, b.getNamedAttr("perm", b.getI64ArrayAttr(perm)));
}

Value Expansion::expand(Value x, ArrayRef<int64_t> shape) {
  return shapeOf(x) == shape ? x : make("Expand", {x, integers(shape)});
}

Value Expansion::concat(ValueRange parts, int64_t axis) {
  if (parts.size() == 1)
    return parts.front();
  return make("Concat", parts, integer("axis", axis));
}

Value Expansion::slice(Value x, int64_t axis, int64_t start, int64_t end,
                       int64_t step) {
  if (start == 0 && end == shapeOf(x)[axis] && step == 1)
    return x;
  return make("Slice", {x, integers(start), integers(end), integers(axis),
                        integers(step)});
}

Value Expansion::padded(Value x, ArrayRef<int64_t> before,
                        ArrayRef<int64_t> after, double value) {
  auto isZero = [](int64_t n) { return n == 0; };
  if (llvm::all_of(before, isZero) && llvm::all_of(after, isZero))
    return x;
  SmallVector<int64_t> pads(before);
  llvm::append_range(pads, after);
  return make("Pad", {x, integers(pads), number(x, value)});
}

Value Expansion::reduce(StringRef kind, Value x, ArrayRef<bool> reduced,
                        bool keepDims) {
  SmallVector<int64_t> axes;
  for (auto [i, gone] : llvm::enumerate(reduced))
    if (gone)
      axes.push_back(i);
  return make(kind, {x, integers(axes)},
              {integer("keepdims", keepDims),
               integer("noop_with_empty_axes", 1)});
}

Value Expansion::reduceLast(StringRef kind, Value x) {
  SmallVector<bool> reduced(shapeOf(x).size(), false);
  reduced.back() = true;
  return reduce(kind, x, reduced, /*keepDims=*/false);
}
