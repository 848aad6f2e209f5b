//===- SumTime.h - What devices do together, with its time --------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_SUMTIME_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_SUMTIME_H

#include <string>
#include <vector>

namespace bitpipe::schedule {

/// When the gradients of some stages are summed over the devices that hold them, or
/// gathered what these have updated, or the slices of a stage's weights.
struct SumTime {
  /// Of the program's groups; a stage where it is an action.
  int group = 0;
  std::vector<int> stages, devices;
  double start = 0, end = 0;
};

/// `sum of gradients of stages 0 and 7`, `gather of weights of stage 3`
std::string toString(const SumTime &sum);
std::string gatherText(const SumTime &gather);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_SUMTIME_H
