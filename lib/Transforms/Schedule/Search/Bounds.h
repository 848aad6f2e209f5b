//===- Bounds.h - How far a schedule is from the best ------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_BOUNDS_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_BOUNDS_H

#include "lib/Transforms/Schedule/Simulate/Simulate.h"

namespace bitpipe::schedule {

/// Ends that no order on the schedule's routes beats.
struct Bounds {
  /// With as much memory as it likes.
  double anyMemory = 0;
  /// With no more live activations on any device than the schedule has there; where
  /// stages recompute, as with any memory.
  double sameMemory = 0;
  /// Of the iteration with its gradient sums, with any memory.
  double iteration = 0;
};

/// Backwards may be split where the schedule splits any of them, and are whole
/// otherwise; runs may be paired where it has pairs and costs say that these go on at the same time.
Bounds bounds(const Simulated &simulated);

/// What an iteration with its gradient sums takes at least on some routes, with any
/// memory, whichever backwards are split; `slices` where sums give each device its slice alone.
double leastTime(const Placement &placement, const Costs &costs, bool slices = false);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_BOUNDS_H
