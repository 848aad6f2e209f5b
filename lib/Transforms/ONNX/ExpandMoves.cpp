//===- ExpandMoves.cpp - Repeating, padding, masking in other nodes --------===//

#include "lib/Transforms/ONNX/Expansion.h"
#include "lib/Transforms/ONNX/Views.h"

using namespace mlir;
using namespace bitpipe;

namespace {

//===----------------------------------------------------------------------===//
// Tile
//===----------------------------------------------------------------------===//

LogicalResult inferTile(const Node &node, SmallVectorImpl<Type> &types) {
  auto repeats = integersOf(node.input(1));
  SmallVector<int64_t> shape(node.inputShape(0));
  if (!repeats || repeats->size() != shape.size() ||
      llvm::any_of(*repeats, [](int64_t n) { return n < 1; }))
    return notConstant(node, "number of repeats");
  for (auto [dim, count] : llvm::zip(shape, *repeats)) {
    auto repeated = countElements({dim, count});
    if (!repeated)
      return notConstant(node, "number of repeats");
    dim = *repeated;
  }
  types.push_back(node.inputType(0).clone(shape));
  return success();
}

/// Every dimension that is repeated gets one of its own in front.
Lowered expandTile(Expansion &e, const Node &node) {
  SmallVector<int64_t> single, repeated;
  for (auto [dim, count] :
       llvm::zip(node.inputShape(0), *integersOf(node.input(1)))) {
    if (count != 1) {
      single.push_back(1);
      repeated.push_back(count);
    }
    single.push_back(dim);
    repeated.push_back(dim);
  }
  Value x = e.expand(e.reshape(node.input(0), single), repeated);
  return lowered(e.reshape(x, node.resultType().getShape()));
}

//===----------------------------------------------------------------------===//
// Slice, backwards
//===----------------------------------------------------------------------===//

/// Dimensions that run backwards take their elements by number.
Lowered expandSlice(Expansion &e, const Node &node) {
  SliceBounds bounds = *sliceBounds(node);
  if (llvm::all_of(bounds.steps, [](int64_t step) { return step > 0; }))
    return SmallVector<Value>();
  Value x = node.input(0);
  for (auto [axis, start, size, step] :
       llvm::enumerate(bounds.starts, bounds.sizes, bounds.steps)) {
    if (step > 0) {
      x = e.slice(x, axis, start, start + (size - 1) * step + 1, step);
      continue;
    }
    SmallVector<int64_t> ids;
    for (int64_t i = 0; i < size; ++i)
      ids.push_back(start + i * step);
    x = e.make("Gather", {x, e.integers(ids)}, e.integer("axis", axis));
  }
  return lowered(x);
}

//===----------------------------------------------------------------------===//
// Trilu
//===----------------------------------------------------------------------===//

std::optional<int64_t> diagonalOf(const Node &node) {
  if (!node.input(1))
    return 0;
  auto k = integersOf(node.input(1));
  return k && k->size() == 1 ? std::optional(k->front()) : std::nullopt;
}

LogicalResult inferTrilu(const Node &node, SmallVectorImpl<Type> &types) {
  if (node.inputType(0).getRank() < 2)
    return node.error() << "is of " << node.inputType(0)
                        << ", expected a matrix";
  if (!diagonalOf(node))
    return notConstant(node, "diagonal");
  if (*countElements(node.inputShape(0).take_back(2)) > kMostConstant)
    return node.error() << "needs a mask for " << node.inputType(0)
                        << ", expected a matrix of at most 2^30 elements";
  return inferSameAsInput(node, types);
}

Lowered expandTrilu(Expansion &e, const Node &node) {
  ArrayRef<int64_t> matrix = node.inputShape(0).take_back(2);
  int64_t k = *diagonalOf(node);
  bool upper = node.integer("upper", 1);
  Constant mask =
      Constant::zeros(RankedTensorType::get(matrix, e.b.getI1Type()));
  Index index(matrix);
  for (int64_t i = 0; i < mask.size(); ++i, index.next()) {
    int64_t diagonal = index[1] - index[0];
    mask.integers[i] = upper ? diagonal >= k : diagonal <= k;
  }
  Value x = node.input(0);
  return lowered(e.where(e.constant(mask.toAttr()), x, e.number(x, 0)));
}

//===----------------------------------------------------------------------===//
// OneHot
//===----------------------------------------------------------------------===//

std::optional<int64_t> depthOf(const Node &node) {
  DenseElementsAttr attr = constantOf(node.input(1));
  if (!attr || attr.getNumElements() != 1)
    return std::nullopt;
  Constant depth = Constant::from(attr);
  // What lies beyond is none.
  return depth.isReal() ? int64_t(std::min(std::max(-1.0, depth.reals[0]), 0x1p50))
                        : depth.integers[0];
}

LogicalResult inferOneHot(const Node &node, SmallVectorImpl<Type> &types) {
  auto depth = depthOf(node);
  if (!depth || *depth < 1 || *depth > kMostConstant)
    return notConstant(node, "depth");
  if (!node.inputType(0).getElementType().isInteger() ||
      node.inputShape(2) != ArrayRef<int64_t>{2})
    return node.error() << "indices of " << node.inputType(0) << " and values "
                        << "of " << node.inputType(2)
                        << ", expected integers and two values";
  auto axis = node.axis(-1, node.inputType(0).getRank() + 1);
  if (!axis)
    return node.error() << "has no axis in its result";
  SmallVector<int64_t> shape(node.inputShape(0));
  shape.insert(shape.begin() + *axis, *depth);
  types.push_back(node.inputType(2).clone(shape));
  return success();
}

/// An index outside chooses nothing, as in ONNX.
Lowered expandOneHot(Expansion &e, const Node &node) {
  int64_t depth = *depthOf(node), rank = node.inputType(0).getRank();
  int64_t axis = *node.axis(-1, rank + 1);
  Value ids = node.input(0), zero = e.number(ids, 0);
  Value isNegative = e.make("Less", {ids, zero});
  ids = e.where(isNegative, e.add(ids, e.number(ids, depth)), ids);
  SmallVector<int64_t> shape(node.inputShape(0));
  shape.insert(shape.begin() + axis, 1);
  SmallVector<int64_t> along(rank + 1 - axis, 1);
  along.front() = depth;
  Value numbers = e.reshape(e.counting(elementOf(ids), depth), along);
  Value chosen = e.make("Equal", {e.reshape(ids, shape), numbers});
  Value off = e.reshape(e.slice(node.input(2), 0, 0, 1), {});
  Value on = e.reshape(e.slice(node.input(2), 0, 1, 2), {});
  return lowered(e.where(chosen, on, off));
}

//===----------------------------------------------------------------------===//
// Blocks of pixels
//===----------------------------------------------------------------------===//

LogicalResult inferDepthToSpace(const Node &node,
                                SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> s = node.inputShape(0);
  int64_t block = node.integer("blocksize", 0);
  if (s.size() != 4 || block < 1 || block > s[1] || s[1] % (block * block))
    return node.error() << "blocks of " << block << " do not fit to "
                        << node.inputType(0);
  types.push_back(node.inputType(0).clone(
      {s[0], s[1] / (block * block), s[2] * block, s[3] * block}));
  return success();
}

std::string checkDepthToSpace(const Node &node) {
  StringRef mode = node.string("mode", "DCR");
  return mode == "DCR" || mode == "CRD" ? "" : ("mode " + mode).str();
}

Lowered expandDepthToSpace(Expansion &e, const Node &node) {
  ArrayRef<int64_t> s = node.inputShape(0);
  int64_t block = node.integer("blocksize", 0);
  int64_t depth = s[1] / (block * block);
  bool blocksFirst = node.string("mode", "DCR") == "DCR";
  Value x = blocksFirst
                ? e.reshape(node.input(0), {s[0], block, block, depth, s[2], s[3]})
                : e.reshape(node.input(0), {s[0], depth, block, block, s[2], s[3]});
  x = blocksFirst ? e.transpose(x, {0, 3, 4, 1, 5, 2})
                  : e.transpose(x, {0, 1, 4, 2, 5, 3});
  return lowered(e.reshape(x, node.resultType().getShape()));
}

LogicalResult inferSpaceToDepth(const Node &node,
                                SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> s = node.inputShape(0);
  int64_t block = node.integer("blocksize", 0);
  if (s.size() != 4 || block < 1 || block > std::min(s[2], s[3]) ||
      s[2] % block || s[3] % block)
    return node.error() << "blocks of " << block << " do not fit to "
                        << node.inputType(0);
  types.push_back(node.inputType(0).clone(
      {s[0], s[1] * block * block, s[2] / block, s[3] / block}));
  return success();
}

Lowered expandSpaceToDepth(Expansion &e, const Node &node) {
  ArrayRef<int64_t> s = node.inputShape(0);
  int64_t block = node.integer("blocksize", 0);
  Value x = e.reshape(node.input(0), {s[0], s[1], s[2] / block, block,
                                      s[3] / block, block});
  x = e.transpose(x, {0, 3, 5, 1, 2, 4});
  return lowered(e.reshape(x, node.resultType().getShape()));
}

} // namespace

void bitpipe::addMovingOperators(OperatorTable &table) {
  table["Tile"] = {2, 2, inferTile, nullptr, ~0u, nullptr, expandTile};
  table["Slice"].expand = expandSlice;
  table["Trilu"].infer = inferTrilu;
  table["Trilu"].expand = expandTrilu;
  table["OneHot"] = {3, 3, inferOneHot, nullptr, ~0u, nullptr, expandOneHot};
  table["DepthToSpace"] = {1,   1,      inferDepthToSpace, nullptr,
                           ~0u, checkDepthToSpace, expandDepthToSpace};
  table["SpaceToDepth"] = {1,   1,       inferSpaceToDepth, nullptr,
                           ~0u, nullptr, expandSpaceToDepth};
}
