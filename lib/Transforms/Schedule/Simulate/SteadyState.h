//===- SteadyState.h - Between fill and drain --------------------*- C++ -*-===//
//
// With updates between micro-batches an iteration may be as long as one likes. Between its
// fill and its drain, which come once, every device repeats itself.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_STEADYSTATE_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_STEADYSTATE_H

#include "lib/Transforms/Schedule/Simulate/Simulate.h"

#include <optional>

namespace bitpipe::schedule {

/// Per micro-batch.
struct SteadyState {
  /// From one weight gradient to the next, on the slowest device.
  double period = 0;
  /// The work of the device that has most: no order is faster.
  double bound = 0;
  /// By device, what it waits: of what it works less than the one that has most, and of
  /// what the order costs.
  std::vector<double> idle;
};

/// Of whole groups in the second half of an iteration, before its drain; nothing without
/// updates between micro-batches, and where fill and drain leave none.
std::optional<SteadyState> steadyState(const Schedule &schedule, const Timing &timing,
                                       const Costs &costs);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_STEADYSTATE_H
