//===- ExpandPad.cpp - Pad in terms of Concat, Slice and Gather ------------===//

#include "lib/Transforms/ONNX/Expansion.h"

#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace bitpipe;

namespace {

/// How many elements are added per dimension, fewer than none being cut off.
struct Pads {
  SmallVector<int64_t> before, after;
};

std::optional<Pads> padsOf(const Node &node) {
  int64_t rank = node.inputType(0).getRank();
  auto given = integersOf(node.input(1));
  auto axes = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  if (node.input(3)) {
    auto chosen = integersOf(node.input(3));
    if (!chosen)
      return std::nullopt;
    axes = *chosen;
  }
  if (!given || given->size() != 2 * axes.size())
    return std::nullopt;
  Pads pads{SmallVector<int64_t>(rank, 0), SmallVector<int64_t>(rank, 0)};
  SmallVector<bool> seen(rank, false);
  for (auto [i, axis] : llvm::enumerate(axes)) {
    int64_t dim = axis < 0 ? axis + rank : axis;
    if (dim < 0 || dim >= rank || seen[dim])
      return std::nullopt;
    seen[dim] = true;
    pads.before[dim] = (*given)[i];
    pads.after[dim] = (*given)[axes.size() + i];
  }
  return pads;
}

/// What a mode that repeats elements needs of a dimension of n elements.
bool canRepeat(StringRef mode, int64_t n, int64_t before, int64_t after) {
  if (before < 0 || after < 0)
    return false;
  return mode == "reflect" ? std::max(before, after) < n : n > 0;
}

LogicalResult inferPad(const Node &node, SmallVectorImpl<Type> &types) {
  auto pads = padsOf(node);
  if (!pads)
    return node.error() << "its pads or axes do not fit to "
                        << node.inputType(0) << " or are not constant";
  if (node.input(2) && (node.inputType(2).getNumElements() != 1 ||
                        node.inputType(2).getElementType() !=
                            node.inputType(0).getElementType()))
    return node.error() << "its value is " << node.inputType(2)
                        << ", expected one number of the type of "
                        << node.inputType(0);
  StringRef mode = node.string("mode", "constant");
  SmallVector<int64_t> shape(node.inputShape(0));
  for (auto [dim, before, after] :
       llvm::zip(shape, pads->before, pads->after)) {
    bool fits = mode == "constant"
                    ? dim + std::min<int64_t>(before, 0) +
                              std::min<int64_t>(after, 0) >= 0
                    : canRepeat(mode, dim, before, after);
    if (!fits)
      return node.error() << "pads of " << before << " and " << after
                          << " do not fit to a dimension of " << dim
                          << " in mode " << mode;
    dim += before + after;
  }
  types.push_back(node.inputType(0).clone(shape));
  return success();
}

std::string checkPad(const Node &node) {
  StringRef mode = node.string("mode", "constant");
  bool known = mode == "constant" || mode == "reflect" || mode == "edge" ||
               mode == "wrap";
  return known ? "" : ("mode " + mode).str();
}

/// Which element of n lies at position i, which may be before 0 or after n.
int64_t repeatedElement(StringRef mode, int64_t i, int64_t n) {
  if (mode == "edge")
    return std::clamp<int64_t>(i, 0, n - 1);
  if (mode == "wrap")
    return (i % n + n) % n;
  return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
}

Value repeatAround(Expansion &e, Value x, int64_t axis, StringRef mode,
                   int64_t before, int64_t after) {
  int64_t n = shapeOf(x)[axis];
  SmallVector<int64_t> ids;
  for (int64_t i = -before; i < n + after; ++i)
    ids.push_back(repeatedElement(mode, i, n));
  return e.make("Gather", {x, e.integers(ids)}, e.integer("axis", axis));
}

/// `count` elements of the value that surrounds x, along an axis.
Value block(Expansion &e, Value x, Value value, int64_t axis, int64_t count) {
  SmallVector<int64_t> shape(shapeOf(x));
  shape[axis] = count;
  auto type = cast<RankedTensorType>(x.getType()).clone(shape);
  if (DenseElementsAttr number = constantOf(value))
    return e.constant(number.resizeSplat(type));
  return e.expand(e.reshape(value, {}), shape);
}

Value surround(Expansion &e, Value x, Value value, int64_t axis, int64_t before,
               int64_t after) {
  int64_t n = shapeOf(x)[axis];
  x = e.slice(x, axis, std::max<int64_t>(0, -before),
              n + std::min<int64_t>(0, after));
  SmallVector<Value> parts;
  if (before > 0)
    parts.push_back(block(e, x, value, axis, before));
  parts.push_back(x);
  if (after > 0)
    parts.push_back(block(e, x, value, axis, after));
  return e.concat(parts, axis);
}

Lowered expandPad(Expansion &e, const Node &node) {
  Pads pads = *padsOf(node);
  StringRef mode = node.string("mode", "constant");
  Value x = node.input(0);
  Value value = node.input(2) ? node.input(2) : e.number(x, 0);
  for (auto [axis, before, after] : llvm::enumerate(pads.before, pads.after)) {
    if (before == 0 && after == 0)
      continue;
    x = mode == "constant" ? surround(e, x, value, axis, before, after)
                           : repeatAround(e, x, axis, mode, before, after);
  }
  return lowered(x);
}

} // namespace

void bitpipe::addPadOperator(OperatorTable &table) {
  table["Pad"] = {2, 4, inferPad, nullptr, ~0u, checkPad, expandPad};
}
