//===- ExpandSelections.cpp - Choosing elements by number or by size -------===//

#include "lib/Transforms/ONNX/Expansion.h"
#include "lib/Transforms/ONNX/Selections.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace bitpipe;

Value bitpipe::checkedIds(Expansion &e, Value ids, int64_t extent,
                          int64_t stride) {
  Value numbers = e.counting(e.b.getI64Type(), extent, stride);
  return e.make("Gather", {numbers, ids}, e.integer("axis", 0));
}

Value bitpipe::rowNumbers(Expansion &e, Value indices,
                          ArrayRef<int64_t> data) {
  int64_t depth = shapeOf(indices).back();
  int64_t count = ShapedType::getNumElements(shapeOf(indices).drop_back());
  auto strides = stridesOf(data.take_front(depth));
  Value ids = e.reshape(indices, {count, depth}), rows;
  for (int64_t d = 0; d < depth; ++d) {
    Value component = e.reshape(e.slice(ids, 1, d, d + 1), {count});
    component = checkedIds(e, component, data[d], strides[d]);
    rows = rows ? e.add(rows, component) : component;
  }
  return rows;
}

namespace {

//===----------------------------------------------------------------------===//
// GatherND
//===----------------------------------------------------------------------===//

/// Constant indices stay: they may be a view or a broadcast.
Lowered expandGatherND(Expansion &e, const Node &node) {
  ArrayRef<int64_t> data = node.inputShape(0);
  int64_t depth = node.inputShape(1).back();
  Operation *indices = node.input(1).getDefiningOp();
  if (depth == 0 || isa_and_nonnull<arith::ConstantOp, pipe::GetParameterOp>(indices))
    return SmallVector<Value>();
  SmallVector<int64_t> rows{ShapedType::getNumElements(data.take_front(depth))};
  llvm::append_range(rows, data.drop_front(depth));
  Value y = e.make("Gather", {e.reshape(node.input(0), rows),
                              rowNumbers(e, node.input(1), data)},
                   e.integer("axis", 0));
  return lowered(e.reshape(y, node.resultType().getShape()));
}

//===----------------------------------------------------------------------===//
// GatherElements
//===----------------------------------------------------------------------===//

LogicalResult inferGatherElements(const Node &node,
                                  SmallVectorImpl<Type> &types) {
  RankedTensorType data = node.inputType(0), ids = node.inputType(1);
  auto axis = node.axis(0, data.getRank());
  if (!axis)
    return node.error() << "has no axis in " << data;
  bool fits = data.getRank() == ids.getRank();
  for (int64_t i = 0; fits && i < data.getRank(); ++i)
    fits = i == *axis || ids.getDimSize(i) <= data.getDimSize(i);
  if (!fits)
    return node.error() << "indices of " << ids << " do not fit to " << data;
  types.push_back(data.clone(ids.getShape()));
  return success();
}

/// Where each element lies in the flattened data, but for its place along the
/// axis.
Value offsetsOf(Expansion &e, ArrayRef<int64_t> shape, ArrayRef<int64_t> data,
                int64_t axis) {
  auto strides = stridesOf(data);
  strides[axis] = 0;
  Constant offsets =
      Constant::zeros(RankedTensorType::get(shape, e.b.getI64Type()));
  Index index(shape);
  for (int64_t i = 0; i < offsets.size(); ++i, index.next())
    offsets.integers[i] = linear(index.values(), strides);
  return e.constant(offsets.toAttr());
}

Lowered expandGatherElements(Expansion &e, const Node &node) {
  ArrayRef<int64_t> data = node.inputShape(0);
  int64_t axis = *node.axis(0, data.size());
  Value along =
      checkedIds(e, node.input(1), data[axis], stridesOf(data)[axis]);
  Value places = e.add(along, offsetsOf(e, node.inputShape(1), data, axis));
  Value flat = e.reshape(node.input(0), {ShapedType::getNumElements(data)});
  return lowered(e.make("Gather", {flat, places}, e.integer("axis", 0)));
}

//===----------------------------------------------------------------------===//
// ArgMax, ArgMin
//===----------------------------------------------------------------------===//

LogicalResult inferArg(const Node &node, SmallVectorImpl<Type> &types) {
  auto axis = node.axis(0, node.inputType(0).getRank());
  if (!axis)
    return node.error() << "has no axis in " << node.inputType(0);
  if (node.inputShape(0)[*axis] > kMostCounted)
    return node.error() << "has " << node.inputShape(0)[*axis]
                        << " elements along its axis, expected at most "
                        << kMostCounted;
  SmallVector<int64_t> shape(node.inputShape(0));
  shape[*axis] = 1;
  if (!node.integer("keepdims", 1))
    shape.erase(shape.begin() + *axis);
  types.push_back(RankedTensorType::get(
      shape, IntegerType::get(node.loc().getContext(), 64)));
  return success();
}

/// The first (or last) place where the extreme element stands. Not a number
/// is more extreme than any.
Lowered expandArg(Expansion &e, const Node &node) {
  Value x = node.input(0);
  ArrayRef<int64_t> shape = node.inputShape(0);
  int64_t rank = shape.size(), axis = *node.axis(0, rank);
  SmallVector<bool> dims(rank, false);
  dims[axis] = true;
  StringRef kind = node.kind() == "ArgMax" ? "ReduceMax" : "ReduceMin";
  Value extreme = e.reduce(kind, x, dims, /*keepDims=*/true);
  Value found = e.make("Equal", {x, extreme});
  if (isa<FloatType>(elementOf(x)))
    found = e.make("Or", {found, e.make("IsNaN", x)});
  SmallVector<int64_t> along(rank - axis, 1);
  along.front() = shape[axis];
  bool last = node.integer("select_last_index", 0);
  Value places =
      e.reshape(e.counting(e.b.getF32Type(), shape[axis]), along);
  Value outside = e.number(places, last ? -1 : double(shape[axis]));
  Value place = e.reduce(last ? "ReduceMax" : "ReduceMin",
                         e.where(found, places, outside), dims,
                         node.integer("keepdims", 1));
  return lowered(e.cast(place, e.b.getI64Type()));
}

//===----------------------------------------------------------------------===//
// TopK
//===----------------------------------------------------------------------===//

LogicalResult inferTopK(const Node &node, SmallVectorImpl<Type> &types) {
  auto axis = node.axis(-1, node.inputType(0).getRank());
  auto k = integersOf(node.input(1));
  if (!axis || !k || k->size() != 1 || k->front() < 1 ||
      k->front() > node.inputShape(0)[*axis])
    return node.error() << "its axis or k does not fit to " << node.inputType(0)
                        << " or is not constant";
  int64_t extent = node.inputShape(0)[*axis];
  if (extent > kMostPairs ||
      extent * node.inputType(0).getNumElements() > kMostPairs)
    return node.error() << "would compare " << extent
                        << " elements with each other, expected fewer";
  SmallVector<int64_t> shape(node.inputShape(0));
  shape[*axis] = k->front();
  types.push_back(node.inputType(0).clone(shape));
  types.push_back(RankedTensorType::get(
      shape, IntegerType::get(node.loc().getContext(), 64)));
  return success();
}

/// How many elements of its row stand before each element in order of size;
/// equal ones are ordered by place.
Value ranksInRow(Expansion &e, Value x, bool largest) {
  SmallVector<int64_t> own(shapeOf(x)), other(shapeOf(x));
  int64_t n = own.back();
  own.push_back(1);
  other.insert(other.end() - 1, 1);
  Value mine = e.reshape(x, own), others = e.reshape(x, other);
  Value before = e.make(largest ? "Greater" : "Less", {others, mine});
  Constant earlier =
      Constant::zeros(RankedTensorType::get({n, n}, e.b.getI1Type()));
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < i; ++j)
      earlier.integers[i * n + j] = 1;
  Value tied = e.make("And", {e.make("Equal", {others, mine}),
                              e.constant(earlier.toAttr())});
  Value counts = e.cast(e.make("Or", {before, tied}), e.b.getF32Type());
  return e.reduceLast("ReduceSum", counts);
}

Lowered expandTopK(Expansion &e, const Node &node) {
  int64_t rank = node.inputType(0).getRank();
  auto perm = axisToLast(*node.axis(-1, rank), rank);
  Value x = e.transpose(node.input(0), perm);
  int64_t n = shapeOf(x).back(), k = integersOf(node.input(1))->front();
  SmallVector<int64_t> row(shapeOf(x));
  row.insert(row.end() - 1, 1);
  Value ranks = e.reshape(ranksInRow(e, x, node.integer("largest", 1)), row);
  Value wanted = e.reshape(e.counting(e.b.getF32Type(), k), {k, 1});
  Value places = e.counting(e.b.getF32Type(), n);
  Value chosen = e.where(e.make("Equal", {ranks, wanted}), places,
                         e.number(places, 0));
  Value ids = e.cast(e.reduceLast("ReduceSum", chosen), e.b.getI64Type());
  Value values =
      e.make("GatherElements", {x, ids}, e.integer("axis", rank - 1));
  return SmallVector<Value>{e.transpose(values, perm),
                            e.transpose(ids, perm)};
}

} // namespace

void bitpipe::addSelectionOperators(OperatorTable &table) {
  table["GatherND"].expand = expandGatherND;
  table["GatherElements"].infer = inferGatherElements;
  table["GatherElements"].expand = expandGatherElements;
  for (StringRef kind : {"ArgMax", "ArgMin"})
    table[kind] = {1, 1, inferArg, nullptr, ~0u, nullptr, expandArg};
  table["TopK"] = {2, 2, inferTopK, nullptr, ~0u, nullptr, expandTopK};
}
