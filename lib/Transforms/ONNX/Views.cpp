//===- Views.cpp - What view operators select ------------------------------===//

#include "lib/Transforms/ONNX/Views.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;
using namespace bitpipe;

std::optional<SliceBounds> bitpipe::sliceBounds(const Node &node) {
  ArrayRef<int64_t> shape = node.inputShape(0);
  int64_t rank = shape.size();
  auto starts = integersOf(node.input(1)), ends = integersOf(node.input(2));
  if (!starts || !ends || starts->size() != ends->size())
    return std::nullopt;
  SmallVector<int64_t> axes(starts->size());
  std::iota(axes.begin(), axes.end(), 0);
  SmallVector<int64_t> steps(starts->size(), 1);
  for (auto [position, list] : {std::pair(3u, &axes), std::pair(4u, &steps)}) {
    if (!node.input(position))
      continue;
    auto given = integersOf(node.input(position));
    if (!given || given->size() != starts->size())
      return std::nullopt;
    *list = *given;
  }

  SliceBounds bounds{SmallVector<int64_t>(rank, 0), SmallVector<int64_t>(shape),
                     SmallVector<int64_t>(rank, 1)};
  for (auto [axis, start, end, step] : llvm::zip(axes, *starts, *ends, steps)) {
    int64_t dim = axis < 0 ? axis + rank : axis;
    if (dim < 0 || dim >= rank || step == 0)
      return std::nullopt;
    int64_t n = shape[dim];
    auto clamp = [n](int64_t at, int64_t low, int64_t high) {
      return std::clamp(at < 0 ? at + n : at, low, high);
    };
    int64_t from = step > 0 ? clamp(start, 0, n) : clamp(start, 0, n - 1);
    int64_t to = step > 0 ? clamp(end, 0, n) : clamp(end, -1, n - 1);
    int64_t span = step > 0 ? to - from + step - 1 : to - from + step + 1;
    bounds.starts[dim] = from;
    bounds.steps[dim] = step;
    bounds.sizes[dim] = std::max<int64_t>(0, span / step);
  }
  return bounds;
}

std::optional<SmallVector<int64_t>> bitpipe::splitSizes(const Node &node) {
  auto axis = node.axis(0, node.inputType(0).getRank());
  if (!axis)
    return std::nullopt;
  int64_t extent = node.inputShape(0)[*axis];
  int64_t parts = node.getOp()->getNumResults();
  if (node.integer("num_outputs", parts) != parts)
    return std::nullopt;
  if (node.input(1)) {
    auto sizes = integersOf(node.input(1));
    bool fits = sizes && int64_t(sizes->size()) == parts &&
                llvm::all_of(*sizes, [](int64_t s) { return s >= 0; }) &&
                std::accumulate(sizes->begin(), sizes->end(), int64_t(0)) ==
                    extent;
    return fits ? sizes : std::nullopt;
  }
  int64_t size = llvm::divideCeil(extent, parts);
  SmallVector<int64_t> sizes(parts, size);
  sizes.back() = extent - size * (parts - 1);
  return sizes.back() > 0 ? std::optional(sizes) : std::nullopt;
}

std::optional<SmallVector<int64_t>> bitpipe::permutation(const Node &node) {
  int64_t rank = node.inputType(0).getRank();
  SmallVector<int64_t> perm(llvm::reverse(llvm::seq<int64_t>(0, rank)));
  if (auto given = node.integers("perm"))
    perm = *given;
  return int64_t(perm.size()) == rank && isPermutationVector(perm)
             ? std::optional(perm)
             : std::nullopt;
}

LogicalResult bitpipe::notConstant(const Node &node, StringRef what) {
  return node.error() << "its " << what
                      << " does not fit or is not constant, expected one that "
                         "does not depend on inputs or parameters";
}
