//===- ExpandConvolutions.cpp - Conv in terms of MatMul and views ----------===//
//
// What each window covers becomes a column, and the weight multiplies the
// columns. Windows that lie side by side are a reshape of the image.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/ONNX/Windows.h"

#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace bitpipe;

namespace {

FailureOr<Windows> convWindows(const Node &node) {
  return windowsOf(node, node.inputShape(1).drop_front(2));
}

bool lieSideBySide(const Windows &w, ArrayRef<int64_t> image) {
  for (int64_t i = 0; i < w.rank(); ++i)
    if (w.stride[i] != w.size[i] || w.dilation[i] != 1 || w.before[i] ||
        w.after[i] || image[2 + i] != w.size[i] * w.count[i])
      return false;
  return true;
}

LogicalResult inferConv(const Node &node, SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> image = node.inputShape(0), weight = node.inputShape(1);
  int64_t groups = node.integer("group", 1);
  if (image.size() < 3 || weight.size() != image.size() || groups < 1 ||
      groups > image[1] ||
      image[1] != weight[1] * groups || weight[0] % groups)
    return node.error() << "a weight of " << node.inputType(1) << " in "
                        << groups << " groups does not fit to "
                        << node.inputType(0);
  if (auto kernel = node.integers("kernel_shape");
      kernel && ArrayRef<int64_t>(*kernel) != weight.drop_front(2))
    return node.error() << "its kernel_shape is not that of "
                        << node.inputType(1);
  if (node.input(2) && node.inputShape(2) != weight.take_front(1))
    return node.error() << "a bias of " << node.inputType(2)
                        << " does not fit to " << weight[0] << " channels";
  auto windows = convWindows(node);
  if (failed(windows) || (!lieSideBySide(*windows, image) &&
                          failed(expectFewElements(node, *windows))))
    return failure();
  SmallVector<int64_t> shape{image[0], weight[0]};
  llvm::append_range(shape, windows->count);
  types.push_back(node.inputType(0).clone(shape));
  return success();
}

/// [batch, channels, elements of a window..., windows...] by reshaping.
Value splitImage(Expansion &e, Value image, const Windows &w) {
  SmallVector<int64_t> shape(shapeOf(image).take_front(2)), perm{0, 1};
  for (int64_t i = 0; i < w.rank(); ++i) {
    shape.append({w.count[i], w.size[i]});
    perm.push_back(3 + 2 * i);
  }
  for (int64_t i = 0; i < w.rank(); ++i)
    perm.push_back(2 + 2 * i);
  return e.transpose(e.reshape(image, shape), perm);
}

/// [batch, channels, elements of a window, windows...] by slices.
Value gatherWindows(Expansion &e, Value image, const Windows &w) {
  SmallVector<int64_t> shape(shapeOf(image).take_front(2));
  shape.push_back(1);
  llvm::append_range(shape, w.count);
  SmallVector<Value> elements = windowElements(e, image, w, 0);
  for (Value &element : elements)
    element = e.reshape(element, shape);
  return e.concat(elements, 2);
}

Lowered expandConv(Expansion &e, const Node &node) {
  Windows w = *convWindows(node);
  ArrayRef<int64_t> image = node.inputShape(0), weight = node.inputShape(1);
  int64_t groups = node.integer("group", 1), batch = image[0];
  int64_t depth = weight[1] * w.elements();
  int64_t places = ShapedType::getNumElements(w.count);
  Value columns = lieSideBySide(w, image) ? splitImage(e, node.input(0), w)
                                          : gatherWindows(e, node.input(0), w);
  Value product;
  if (groups == 1) {
    Value matrix = e.reshape(node.input(1), {weight[0], depth});
    product =
        e.make("MatMul", {matrix, e.reshape(columns, {batch, depth, places})});
  } else {
    Value matrices =
        e.reshape(node.input(1), {groups, weight[0] / groups, depth});
    product = e.make("MatMul", {matrices, e.reshape(columns, {batch, groups,
                                                              depth, places})});
  }
  Value y = e.reshape(product, node.resultType().getShape());
  if (!node.input(2))
    return lowered(y);
  SmallVector<int64_t> perChannel(image.size() - 1, 1);
  perChannel.front() = weight[0];
  return lowered(e.add(y, e.reshape(node.input(2), perChannel)));
}

} // namespace

void bitpipe::addConvolutionOperators(OperatorTable &table) {
  table["Conv"] = {2, 3, inferConv, nullptr, ~0u, nullptr, expandConv};
}
