//===- Windows.h - Windows that slide over an image ------------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_WINDOWS_H
#define BITPIPE_TRANSFORMS_ONNX_WINDOWS_H

#include "lib/Transforms/ONNX/Expansion.h"

namespace bitpipe {

/// The windows of a convolution or pooling, per dimension behind batch and
/// channels.
struct Windows {
  llvm::SmallVector<int64_t> size, stride, dilation, before, after, count;

  int64_t rank() const { return size.size(); }
  int64_t elements() const;
};

/// Windows of `kernel` over the node's input by its attributes strides,
/// dilations, pads, auto_pad and ceil_mode; an error if they do not fit.
mlir::FailureOr<Windows> windowsOf(const Node &node,
                                   llvm::ArrayRef<int64_t> kernel);

/// An error if windows have too many elements to take them one by one.
mlir::LogicalResult expectFewElements(const Node &node, const Windows &windows);

/// For each element of a window, in order, what stands there in every window:
/// [batch, channels, windows...]. Outside the image there is `fill`.
llvm::SmallVector<mlir::Value> windowElements(Expansion &e, mlir::Value image,
                                              const Windows &windows,
                                              double fill);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_WINDOWS_H
