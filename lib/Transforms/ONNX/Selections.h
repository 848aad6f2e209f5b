//===- Selections.h - Elements chosen by number ----------------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_SELECTIONS_H
#define BITPIPE_TRANSFORMS_ONNX_SELECTIONS_H

#include "lib/Transforms/ONNX/Expansion.h"

namespace bitpipe {

/// Up to how many pairs an operator may be expanded to that compares all
/// elements of one tensor with all of another.
constexpr int64_t kMostPairs = int64_t(1) << 26;

/// Up to where the numbers that places are compared by are exact in f32.
constexpr int64_t kMostCounted = int64_t(1) << 24;

/// stride * id for ids of an axis, counted from the front. They are looked up,
/// because looking up is what refuses an id that is outside.
mlir::Value checkedIds(Expansion &e, mlir::Value ids, int64_t extent,
                       int64_t stride = 1);

/// For indices whose last dimension has a component for each of the data's
/// first dimensions: the number of the row of flattened data that each means.
mlir::Value rowNumbers(Expansion &e, mlir::Value indices,
                       llvm::ArrayRef<int64_t> data);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_SELECTIONS_H
