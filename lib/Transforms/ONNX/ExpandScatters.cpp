//===- ExpandScatters.cpp - Scatters in terms of other nodes ---------------===//
//
// Every element of the data is compared with every index. Where updates
// replace, the last one with an index that matches is looked up, so that its
// gradient goes there and the data's to the rest; where they add, the matches
// are a matrix that the updates are multiplied with.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/ONNX/Selections.h"

using namespace mlir;
using namespace bitpipe;

namespace {

bool adds(const Node &node) {
  return node.string("reduction", "none") == "add";
}

std::string checkReduction(const Node &node) {
  StringRef reduction = node.string("reduction", "none");
  return reduction == "none" || reduction == "add"
             ? ""
             : ("reduction " + reduction).str();
}

LogicalResult doNotFit(const Node &node) {
  return node.error() << "indices of " << node.inputType(1)
                      << " and updates of " << node.inputType(2)
                      << " do not fit to " << node.inputType(0);
}

LogicalResult checkPairs(const Node &node, int64_t places, int64_t ids) {
  Type element = node.inputType(0).getElementType();
  if (element != node.inputType(2).getElementType())
    return doNotFit(node);
  if (adds(node) && !isa<FloatType>(element))
    return node.error() << "adds to " << node.inputType(0)
                        << ", expected floats";
  if (std::max(places, ids) > kMostPairs || places * ids > kMostPairs ||
      node.inputType(1).getNumElements() > kMostCounted)
    return node.error() << "would compare " << places << " places with " << ids
                        << " indices, expected at most " << kMostPairs << " pairs";
  return success();
}

/// Whether element `place` of n is meant by id j: [..., n, m] for ids [..., m].
Value matches(Expansion &e, Value ids, int64_t n) {
  SmallVector<int64_t> row(shapeOf(ids));
  row.insert(row.end() - 1, 1);
  Value places = e.reshape(e.counting(e.b.getI64Type(), n), {n, 1});
  return e.make("Equal", {e.reshape(ids, row), places});
}

/// Per row of matches the number of its last match, counted from one.
Value lastMatch(Expansion &e, Value matches) {
  int64_t m = shapeOf(matches).back();
  Value numbers = e.add(e.counting(e.b.getF32Type(), m),
                        e.filled(RankedTensorType::get({}, e.b.getF32Type()), 1));
  Value found = e.where(matches, numbers, e.number(numbers, 0));
  return e.reduceLast("ReduceMax", found);
}

/// The update to look up for each place, any where there is none.
Value updateNumber(Expansion &e, Value last) {
  Value before = e.sub(last, e.number(last, 1));
  Value number = e.make("Max", {before, e.number(last, 0)});
  return e.cast(number, e.b.getI64Type());
}

//===----------------------------------------------------------------------===//
// ScatterElements
//===----------------------------------------------------------------------===//

LogicalResult inferScatterElements(const Node &node,
                                   SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> data = node.inputShape(0), ids = node.inputShape(1);
  auto axis = node.axis(0, data.size());
  if (!axis)
    return node.error() << "has no axis in " << node.inputType(0);
  bool fits = ids == node.inputShape(2) && ids.size() == data.size();
  for (size_t i = 0; fits && i < data.size(); ++i)
    fits = int64_t(i) == *axis || ids[i] <= data[i];
  if (!fits)
    return doNotFit(node);
  if (failed(checkPairs(node, data[*axis], node.inputType(1).getNumElements())))
    return failure();
  return inferSameAsInput(node, types);
}

Lowered expandScatterElements(Expansion &e, const Node &node) {
  int64_t rank = node.inputType(0).getRank(), axis = *node.axis(0, rank);
  auto perm = axisToLast(axis, rank);
  Value data = e.transpose(node.input(0), perm);
  Value updates = e.transpose(node.input(2), perm);
  int64_t n = shapeOf(data).back();
  Value ids = checkedIds(e, e.transpose(node.input(1), perm), n);
  Value found = matches(e, ids, n);

  // Rows of the data beyond those of the ids are left alone.
  SmallVector<int64_t> none(rank, 0), rest(shapeOf(data));
  for (auto [dim, own] : llvm::zip(rest, shapeOf(ids)))
    dim -= own;
  rest.back() = 0;
  if (adds(node)) {
    SmallVector<int64_t> column(shapeOf(updates)), row(shapeOf(ids));
    column.push_back(1);
    row.back() = n;
    Value factors = e.cast(found, elementOf(updates));
    Value sums = e.make("MatMul", {factors, e.reshape(updates, column)});
    Value sum = e.add(data, e.padded(e.reshape(sums, row), none, rest));
    return lowered(e.transpose(sum, perm));
  }
  Value last = lastMatch(e, found);
  Value chosen = e.make("GatherElements", {updates, updateNumber(e, last)},
                        e.integer("axis", rank - 1));
  last = e.padded(last, none, rest);
  Value isUpdated = e.make("Greater", {last, e.number(last, 0)});
  Value y = e.where(isUpdated, e.padded(chosen, none, rest), data);
  return lowered(e.transpose(y, perm));
}

//===----------------------------------------------------------------------===//
// ScatterND
//===----------------------------------------------------------------------===//

LogicalResult inferScatterND(const Node &node, SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> data = node.inputShape(0), ids = node.inputShape(1);
  if (ids.empty() || ids.back() < 1 || ids.back() > int64_t(data.size()))
    return doNotFit(node);
  SmallVector<int64_t> wanted(ids.drop_back());
  llvm::append_range(wanted, data.drop_front(ids.back()));
  if (node.inputShape(2) != ArrayRef(wanted))
    return doNotFit(node);
  int64_t places = ShapedType::getNumElements(data.take_front(ids.back()));
  int64_t count = ShapedType::getNumElements(ids.drop_back());
  if (failed(checkPairs(node, places, count)))
    return failure();
  return inferSameAsInput(node, types);
}

Lowered expandScatterND(Expansion &e, const Node &node) {
  ArrayRef<int64_t> shape = node.inputShape(0), ids = node.inputShape(1);
  int64_t count = ShapedType::getNumElements(ids.drop_back());
  int64_t n = ShapedType::getNumElements(shape.take_front(ids.back()));
  int64_t size = ShapedType::getNumElements(shape.drop_front(ids.back()));
  Value data = e.reshape(node.input(0), {n, size});
  Value updates = e.reshape(node.input(2), {count, size});
  Value found = matches(e, rowNumbers(e, node.input(1), shape), n);
  if (adds(node)) {
    Value factors = e.cast(found, elementOf(updates));
    Value sum = e.add(data, e.make("MatMul", {factors, updates}));
    return lowered(e.reshape(sum, shape));
  }
  Value last = lastMatch(e, found);
  Value chosen = e.make("Gather", {updates, updateNumber(e, last)},
                        e.integer("axis", 0));
  Value isUpdated = e.make("Greater", {last, e.number(last, 0)});
  Value y = e.where(e.reshape(isUpdated, {n, 1}), chosen, data);
  return lowered(e.reshape(y, shape));
}

} // namespace

void bitpipe::addScatterOperators(OperatorTable &table) {
  table["ScatterElements"] = {
      3,   3,      inferScatterElements,  nullptr,
      ~0u, checkReduction, expandScatterElements};
  table["ScatterND"] = {3,   3,      inferScatterND, nullptr,
                        ~0u, checkReduction, expandScatterND};
}
