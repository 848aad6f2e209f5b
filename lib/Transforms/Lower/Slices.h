//===- Slices.h - Parameters that devices share out among themselves --------===//
//
// The devices that hold a group answer for a slice of its trainable parameters each:
// for their part in the gradient norm, and where the optimizer is sharded for their
// sums, steps and moments; where parameters are, slices are of all that the group
// holds. Slices follow each other in the order of the devices and have one size; the last
// ones may be shorter, or empty.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_LOWER_SLICES_H
#define BITPIPE_TRANSFORMS_LOWER_SLICES_H

#include "lib/Transforms/Lower/ParameterGroups.h"

namespace bitpipe::lower {

struct Slices {
  llvm::SmallVector<int64_t> holders; // devices, ascending
  int64_t elements = 0;               // of four bytes, that are shared out
  int64_t slice = 0;                  // elements of one

  /// Where the elements of a holder begin and end.
  std::pair<int64_t, int64_t> of(int64_t device) const;
  /// Of a slot that holds whole slices.
  int64_t bytes() const { return slice * int64_t(holders.size() * sizeof(float)); }
};

/// The devices that hold a group, ascending.
llvm::SmallVector<int64_t> holdersOf(pipe::PlanOp plan,
                                     const ParameterGroup &group);

/// Of the trainable parameters, or of all that the group holds.
Slices slicesOf(pipe::PlanOp plan, const ParameterGroup &group, bool ofAll = false);

} // namespace bitpipe::lower

#endif // BITPIPE_TRANSFORMS_LOWER_SLICES_H
