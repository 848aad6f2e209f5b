//===- Place.h - Where a tensor lies ---------------------------------------===//
//
// A place is a strided window into a buffer. Reshapes, slices and transposes
// of tensors are arithmetic on places; the inverse functions say where the
// source of such an operation has to lie so that its result lies at a place.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_LOWER_PLACE_H
#define BITPIPE_TRANSFORMS_LOWER_PLACE_H

#include "lib/Transforms/Lower/Alignment.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"

#include <optional>

namespace bitpipe::lower {

/// Bytes of one element in memory; 0 for types that cannot lie in memory.
int64_t elementBytes(mlir::Type element);

/// Bytes of a dense tensor.
int64_t tensorBytes(mlir::RankedTensorType type);

struct Place {
  unsigned buffer = 0;
  int64_t offset = 0; // bytes
  llvm::SmallVector<int64_t> sizes, strides; // elements
  mlir::Type element;
  /// The window holds something else until this operation is reached, so only
  /// operations from this one on may write their results into it.
  mlir::Operation *notBefore = nullptr;

  bool sameMemory(const Place &other) const;
  bool isRowMajor() const;
  /// The memref type of a pointer to this place.
  mlir::MemRefType memref() const;
};

/// The dense place of a tensor at an offset of a buffer.
Place densePlace(unsigned buffer, int64_t offset, mlir::RankedTensorType type);

/// Row-major strides of a shape.
llvm::SmallVector<int64_t> rowMajorStrides(llvm::ArrayRef<int64_t> sizes);

/// Whether the operation's result is a window into its source's memory.
bool isView(mlir::Operation *op);

/// The operand a view looks at.
mlir::Value viewSource(mlir::Operation *view);

/// Where a view of a tensor at `source` lies, if strides can express it.
std::optional<Place> viewOf(mlir::Operation *view, const Place &source);

/// Where the view's source must lie for its result to lie at `result`; nothing
/// if the result is only a part of the source.
std::optional<Place> sourceOfView(mlir::Operation *view, const Place &result);

/// The window of `place` with unit steps.
Place sliced(const Place &place, llvm::ArrayRef<int64_t> offsets,
             llvm::ArrayRef<int64_t> sizes);

/// The same elements with sizes of 1 dropped and dimensions merged where all
/// places allow it. The places have one shape.
void simplify(llvm::MutableArrayRef<Place> places);

} // namespace bitpipe::lower

#endif // BITPIPE_TRANSFORMS_LOWER_PLACE_H
