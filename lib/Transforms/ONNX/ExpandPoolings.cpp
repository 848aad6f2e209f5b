//===- ExpandPoolings.cpp - Pooling in terms of other nodes ----------------===//

#include "lib/Transforms/ONNX/Windows.h"

#include <limits>

using namespace mlir;
using namespace bitpipe;

namespace {

FailureOr<Windows> poolWindows(const Node &node) {
  auto kernel = node.integers("kernel_shape");
  return windowsOf(node, kernel ? *kernel : SmallVector<int64_t>());
}

LogicalResult expectImage(const Node &node) {
  if (node.inputType(0).getRank() >= 3 &&
      isa<FloatType>(node.inputType(0).getElementType()))
    return success();
  return node.error() << "is of " << node.inputType(0)
                      << ", expected floats in at least three dimensions";
}

LogicalResult inferPool(const Node &node, SmallVectorImpl<Type> &types) {
  if (failed(expectImage(node)))
    return failure();
  auto windows = poolWindows(node);
  if (failed(windows) || failed(expectFewElements(node, *windows)))
    return failure();
  for (int64_t i = 0; i < windows->rank(); ++i)
    if (std::max(windows->before[i], windows->after[i]) >=
        (windows->size[i] - 1) * windows->dilation[i] + 1)
      return node.error() << "pads of " << windows->before[i] << " and "
                          << windows->after[i]
                          << " leave windows of padding only";
  SmallVector<int64_t> shape(node.inputShape(0).take_front(2));
  llvm::append_range(shape, windows->count);
  types.push_back(node.inputType(0).clone(shape));
  return success();
}

/// The first of the largest elements, to which the gradient goes.
Lowered expandMaxPool(Expansion &e, const Node &node) {
  auto elements =
      windowElements(e, node.input(0), *poolWindows(node),
                     -std::numeric_limits<double>::infinity());
  Value largest = elements.front();
  for (Value next : ArrayRef(elements).drop_front()) {
    Value isLarger = e.make("Or", {e.make("Greater", {next, largest}),
                                   e.make("IsNaN", next)});
    largest = e.where(isLarger, next, largest);
  }
  return lowered(largest);
}

std::string checkMaxPool(const Node &node) {
  return node.getOp()->getNumResults() > 1 ? "indices as an output" : "";
}

/// How many elements each window counts: those of the image, or with
/// count_include_pad also those of the padding.
Value windowCounts(Expansion &e, const Node &node, const Windows &w) {
  bool withPads = node.integer("count_include_pad", 0);
  ArrayRef<int64_t> image = node.inputShape(0).drop_front(2);
  Constant inverse = Constant::zeros(node.inputType(0).clone(w.count));
  Index window(w.count);
  for (int64_t i = 0; i < inverse.size(); ++i, window.next()) {
    int64_t count = 1;
    for (int64_t d = 0; d < w.rank(); ++d) {
      int64_t inside = 0;
      for (int64_t k = 0; k < w.size[d]; ++k) {
        int64_t at = window[d] * w.stride[d] + k * w.dilation[d] - w.before[d];
        inside += withPads ? at < image[d] + w.after[d]
                           : at >= 0 && at < image[d];
      }
      count *= inside;
    }
    inverse.reals[i] = 1.0 / count;
  }
  return e.constant(inverse.toAttr());
}

Lowered expandAveragePool(Expansion &e, const Node &node) {
  Windows w = *poolWindows(node);
  auto elements = windowElements(e, node.input(0), w, 0);
  Value sum = elements.front();
  for (Value next : ArrayRef(elements).drop_front())
    sum = e.add(sum, next);
  return lowered(e.mul(sum, windowCounts(e, node, w)));
}

//===----------------------------------------------------------------------===//
// The whole image
//===----------------------------------------------------------------------===//

LogicalResult inferGlobalPool(const Node &node, SmallVectorImpl<Type> &types) {
  if (failed(expectImage(node)))
    return failure();
  SmallVector<int64_t> shape(node.inputShape(0));
  std::fill(shape.begin() + 2, shape.end(), 1);
  types.push_back(node.inputType(0).clone(shape));
  return success();
}

Lowered expandGlobalAveragePool(Expansion &e, const Node &node) {
  SmallVector<bool> image(node.inputType(0).getRank(), true);
  image[0] = image[1] = false;
  return lowered(e.reduce("ReduceMean", node.input(0), image, true));
}

Lowered expandGlobalMaxPool(Expansion &e, const Node &node) {
  ArrayRef<int64_t> shape = node.inputShape(0);
  Value x = e.reshape(node.input(0),
                      {shape[0], shape[1],
                       ShapedType::getNumElements(shape.drop_front(2))});
  Value place = e.make("ArgMax", x, e.integer("axis", 2));
  Value y = e.make("GatherElements", {x, place}, e.integer("axis", 2));
  return lowered(e.reshape(y, node.resultType().getShape()));
}

} // namespace

void bitpipe::addPoolingOperators(OperatorTable &table) {
  table["MaxPool"] = {1,   1,      inferPool, nullptr,
                      ~0u, checkMaxPool, expandMaxPool};
  table["AveragePool"] = {1,   1,       inferPool, nullptr,
                          ~0u, nullptr, expandAveragePool};
  table["GlobalAveragePool"] = {1,   1,       inferGlobalPool, nullptr,
                                ~0u, nullptr, expandGlobalAveragePool};
  table["GlobalMaxPool"] = {1,   1,       inferGlobalPool, nullptr,
                            ~0u, nullptr, expandGlobalMaxPool};
}
