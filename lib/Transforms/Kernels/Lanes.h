//===- Lanes.h - Walking a dimension in vectors ----------------------------===//
//
// A dimension is walked in whole vectors first, then what is left under a mask.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_LANES_H
#define BITPIPE_TRANSFORMS_KERNELS_LANES_H

#include "mlir/IR/Builders.h"

namespace bitpipe {

/// Elements that one step works on: from `first` on, those under `mask` or,
/// without one, as many as a vector holds. `way` counts the vectors of one
/// iteration.
struct Lanes {
  mlir::Value first;
  mlir::Value mask;
  unsigned way;
};

using Values = llvm::SmallVector<mlir::Value>;

/// Emits loops over the elements before `end` in vectors of `width`, `ways` of
/// them per iteration as long as there are as many. `body` maps the carried
/// values to the next ones; the last ones are returned. No mask is used where
/// `width` is 1.
Values walkLanes(mlir::OpBuilder &b, mlir::Location loc, int64_t width,
                 unsigned ways, mlir::Value end, Values carried,
                 llvm::function_ref<Values(Lanes, Values)> body);

/// A loop over the numbers from `begin` to `end`, `step` apart.
void walkRange(mlir::OpBuilder &b, mlir::Location loc, int64_t begin,
               int64_t end, int64_t step,
               llvm::function_ref<void(mlir::Value)> body);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_LANES_H
