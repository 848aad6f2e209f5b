//===- InputBounds.h - Which values of an input are indices ----------------===//
//
// An input whose values reach a table has only so many valid ones. The runtime
// compares the data with them where it reads it, and so can say which value of
// which sample is wrong; kernels check what they follow in any case.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_AUTODIFF_INPUTBOUNDS_H
#define BITPIPE_TRANSFORMS_AUTODIFF_INPUTBOUNDS_H

#include "mlir/IR/Value.h"

#include <optional>

namespace bitpipe {

/// Integers from `low` to below `high`.
struct IndexBounds {
  int64_t low, high;
};

/// What every element of `value` must lie in, so that all rows that it selects
/// directly, or after steps that can be undone (views, casts, sums, differences
/// and products with constants), are there and counted from 0. Nothing if it
/// reaches no table that way.
std::optional<IndexBounds> findIndexBounds(mlir::Value value);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_AUTODIFF_INPUTBOUNDS_H
