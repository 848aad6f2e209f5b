//===- Sequences.cpp - Sequences of tensors, resolved ----------------------===//

#include "lib/Transforms/ONNX/Sequences.h"
#include "lib/Transforms/ONNX/Operators.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace bitpipe;

void bitpipe::addSequenceOperators(OperatorTable &table) {
  table["SplitToSequence"] = {1, 2};
  table["SequenceConstruct"] = {1, ~0u};
  table["SequenceAt"] = {2, 2};
  table["SequenceLength"] = {1, 1};
  table["ConcatFromSequence"] = {1, 1};
}

bool Sequences::isSequenceOperator(StringRef kind) {
  return kind.contains("Sequence");
}

static Value integerConstant(OpBuilder &b, Location loc,
                             ArrayRef<int64_t> values, bool scalar = false) {
  SmallVector<int64_t> shape;
  if (!scalar)
    shape.push_back(values.size());
  auto type = RankedTensorType::get(shape, b.getI64Type());
  return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, values));
}

LogicalResult Sequences::split(const Node &node, Visit visit) {
  auto type = node.inputType(0);
  auto axis = type ? node.axis(0, type.getRank()) : std::nullopt;
  if (!axis)
    return node.error() << "has no axis in its input";
  int64_t extent = type.getDimSize(*axis);
  SmallVector<int64_t> sizes(extent, 1);
  auto given = integersOf(node.input(1));
  if (node.input(1) && (!given || given->empty()))
    return node.error() << "its sizes are not constant";
  if (given && node.inputType(1).getRank() == 0) {
    int64_t size = given->front();
    if (size <= 0)
      return node.error() << "splits into parts of " << size;
    sizes.assign(extent / size, size);
    if (extent % size)
      sizes.push_back(extent % size);
  } else if (given) {
    sizes = *given;
  }

  OpBuilder b(node.getOp());
  SmallVector<Type> unknown(sizes.size(),
                            pipe::UnknownType::get(b.getContext()));
  Node parts = makeNode(b, node.loc(), "Split", unknown,
                        {node.input(0), integerConstant(b, node.loc(), sizes)},
                        b.getNamedAttr("axis", b.getI64IntegerAttr(*axis)));
  if (failed(visit(parts)))
    return failure();
  SmallVector<Value> values(parts.getOp()->getResults());
  if (!node.input(1) && !node.integer("keepdims", 1)) {
    for (Value &value : values) {
      Value axes = integerConstant(b, node.loc(), {*axis});
      Node squeezed = makeNode(b, node.loc(), "Squeeze", unknown.front(),
                               {value, axes});
      if (failed(visit(squeezed)))
        return failure();
      value = squeezed.result();
    }
  }
  tensors[node.result()] = values;
  return success();
}

LogicalResult Sequences::at(const Node &node) {
  auto found = tensors.find(node.input(0));
  auto position = integersOf(node.input(1));
  if (found == tensors.end() || !position || position->size() != 1)
    return node.error() << "its position is not constant";
  int64_t count = found->second.size();
  int64_t i = position->front() < 0 ? position->front() + count
                                    : position->front();
  if (i < 0 || i >= count)
    return node.error() << "position " << position->front()
                        << " is out of range, expected one of " << count;
  node.result().replaceAllUsesWith(found->second[i]);
  return success();
}

LogicalResult Sequences::concat(const Node &node, Visit visit) {
  auto found = tensors.find(node.input(0));
  if (found == tensors.end() || node.integer("new_axis", 0))
    return node.error() << "concatenates along a new axis, or what is no "
                           "known sequence";
  OpBuilder b(node.getOp());
  Node joined = makeNode(
      b, node.loc(), "Concat", node.result().getType(), found->second,
      b.getNamedAttr("axis", b.getI64IntegerAttr(node.integer("axis", 0))));
  if (failed(visit(joined)))
    return failure();
  node.result().replaceAllUsesWith(joined.result());
  return success();
}

LogicalResult Sequences::resolve(const Node &node, Visit visit) {
  if (node.kind() == "SplitToSequence")
    return split(node, visit);
  if (node.kind() == "SequenceAt")
    return at(node);
  if (node.kind() == "ConcatFromSequence")
    return concat(node, visit);
  if (node.kind() == "SequenceConstruct") {
    tensors[node.result()] = SmallVector<Value>(node.getOp().getOperands());
    return success();
  }
  auto found = tensors.find(node.input(0));
  if (node.kind() != "SequenceLength" || found == tensors.end())
    return node.error() << "is not of a known sequence";
  OpBuilder b(node.getOp());
  int64_t length = found->second.size();
  node.result().replaceAllUsesWith(
      integerConstant(b, node.loc(), {length}, /*scalar=*/true));
  return success();
}
