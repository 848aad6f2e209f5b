//===- Lanes.h - Walking a dimension in vectors ----------------------------===//
//
// A dimension is walked in whole vectors first, then what is left under a mask.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_LANES_H
#define BITPIPE_TRANSFORMS_KERNELS_LANES_H

#include "mlir/IR/Builders.h"

namespace bitpipe {

/// A part of a dimension. `factor` is known to divide both of its ends.
struct Interval {
  mlir::Value begin, end;
  int64_t factor = 1;
};

/// Elements that one step works on: from `first` on, those under `mask` or,
/// without one, as many as a vector holds. `way` counts the vectors of one
/// iteration.
struct Lanes {
  mlir::Value first;
  mlir::Value mask;
  unsigned way;
};

using Values = llvm::SmallVector<mlir::Value>;

/// Emits loops over the elements of `range`, which begins with a whole vector of
/// `width` (at 0 if there are several ways), in such vectors, `ways` of them per
/// iteration as long as there are as many. `body` maps the carried values to the next
/// ones; the last ones are returned. No mask is used where `width` is 1.
Values walkLanes(mlir::OpBuilder &b, mlir::Location loc, int64_t width,
                 unsigned ways, Interval range, Values carried,
                 llvm::function_ref<Values(Lanes, Values)> body);

/// A loop over the numbers of `range`, `step` apart.
void walkRange(mlir::OpBuilder &b, mlir::Location loc, Interval range, int64_t step,
               llvm::function_ref<void(mlir::Value)> body);

/// The numbers from `begin` to `end`, and all those below `end`.
Interval rangeOf(mlir::OpBuilder &b, mlir::Location loc, int64_t begin, int64_t end);
Interval upTo(mlir::OpBuilder &b, mlir::Location loc, mlir::Value end);
/// The part of `range` before `middle`, and what is left of it.
Interval before(mlir::OpBuilder &b, mlir::Location loc, Interval range, int64_t middle);
Interval from(mlir::OpBuilder &b, mlir::Location loc, Interval range, int64_t middle);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_LANES_H
