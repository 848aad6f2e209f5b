//===- Windows.cpp - Windows that slide over an image ----------------------===//

#include "lib/Transforms/ONNX/Windows.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace bitpipe;

int64_t Windows::elements() const { return ShapedType::getNumElements(size); }

/// So that the product of two of them, of image or window, is a number.
static constexpr int64_t kMost = 0x7fffffff;

/// A list attribute with one number per dimension, `otherwise` if it is not
/// given.
static FailureOr<SmallVector<int64_t>> listOf(const Node &node, StringRef name,
                                              size_t count, int64_t otherwise,
                                              int64_t least) {
  auto given = node.integers(name);
  if (!given)
    return SmallVector<int64_t>(count, otherwise);
  if (given->size() == count && llvm::all_of(*given, [&](int64_t n) {
        return n >= least && n <= kMost;
      }))
    return *given;
  return node.error() << "its " << name << " do not fit, expected " << count
                      << " numbers from " << least << " to " << kMost;
}

/// Pads that make as many windows as there are strides in the image.
static void padToSame(Windows &w, ArrayRef<int64_t> image, bool upper) {
  for (int64_t i = 0; i < w.rank(); ++i) {
    int64_t count = llvm::divideCeil(image[i], w.stride[i]);
    int64_t reach = (count - 1) * w.stride[i] + (w.size[i] - 1) * w.dilation[i];
    int64_t total = std::max<int64_t>(0, reach + 1 - image[i]);
    w.before[i] = upper ? total / 2 : total - total / 2;
    w.after[i] = total - w.before[i];
  }
}

/// With ceil_mode a last window may reach beyond the padding, but must start
/// within the image or the padding before it.
static int64_t countWindows(const Windows &w, int64_t i, int64_t image,
                            bool ceil) {
  int64_t span = image + w.before[i] + w.after[i] -
                 ((w.size[i] - 1) * w.dilation[i] + 1);
  if (span < 0)
    return 0;
  int64_t count = span / w.stride[i] + 1;
  bool another = ceil && span % w.stride[i] != 0 &&
                 count * w.stride[i] < image + w.before[i];
  return another ? count + 1 : count;
}

FailureOr<Windows> bitpipe::windowsOf(const Node &node,
                                      ArrayRef<int64_t> kernel) {
  ArrayRef<int64_t> image = node.inputShape(0).drop_front(2);
  size_t rank = image.size();
  if (kernel.size() != rank ||
      llvm::any_of(kernel, [](int64_t n) { return n < 1 || n > kMost; }))
    return node.error() << "a kernel of " << kernel.size()
                        << " dimensions does not fit to " << node.inputType(0);
  auto stride = listOf(node, "strides", rank, 1, 1);
  auto dilation = listOf(node, "dilations", rank, 1, 1);
  auto pads = listOf(node, "pads", 2 * rank, 0, 0);
  if (failed(stride) || failed(dilation) || failed(pads))
    return failure();
  ArrayRef<int64_t> padList(*pads);
  Windows w{SmallVector<int64_t>(kernel),
            *stride,
            *dilation,
            SmallVector<int64_t>(padList.take_front(rank)),
            SmallVector<int64_t>(padList.drop_front(rank)),
            {}};
  StringRef automatic = node.string("auto_pad", "NOTSET");
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER")
    padToSame(w, image, automatic == "SAME_UPPER");
  else if (automatic == "VALID")
    w.before.assign(rank, 0), w.after.assign(rank, 0);
  else if (automatic != "NOTSET")
    return node.error() << "auto_pad is " << automatic << ", expected NOTSET, "
                        << "SAME_UPPER, SAME_LOWER or VALID";
  for (size_t i = 0; i < rank; ++i) {
    w.count.push_back(
        countWindows(w, i, image[i], node.integer("ceil_mode", 0)));
    if (w.count.back() < 1)
      return node.error() << "no window of " << w.size[i] << " fits into "
                          << node.inputType(0);
  }
  return w;
}

LogicalResult bitpipe::expectFewElements(const Node &node, const Windows &w) {
  constexpr int64_t most = 1 << 14;
  auto elements = countElements(w.size);
  if (elements && *elements <= most)
    return success();
  return node.error() << "its windows are [" << w.size << "], expected at most "
                      << most << " elements";
}

SmallVector<Value> bitpipe::windowElements(Expansion &e, Value image,
                                           const Windows &w, double fill) {
  ArrayRef<int64_t> shape = shapeOf(image);
  SmallVector<int64_t> before(shape.size(), 0), after(shape.size(), 0);
  for (int64_t i = 0; i < w.rank(); ++i) {
    int64_t reach = (w.count[i] - 1) * w.stride[i] +
                    (w.size[i] - 1) * w.dilation[i] + 1;
    before[2 + i] = w.before[i];
    after[2 + i] =
        std::max<int64_t>(0, reach - shape[2 + i] - w.before[i]);
  }
  Value padded = e.padded(image, before, after, fill);
  SmallVector<Value> elements;
  Index tap(w.size);
  for (int64_t k = 0; k < w.elements(); ++k, tap.next()) {
    Value element = padded;
    for (int64_t i = 0; i < w.rank(); ++i) {
      int64_t start = tap[i] * w.dilation[i];
      int64_t end = start + (w.count[i] - 1) * w.stride[i] + 1;
      element = e.slice(element, 2 + i, start, end, w.stride[i]);
    }
    elements.push_back(element);
  }
  return elements;
}
