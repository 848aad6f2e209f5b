//===- Costs.h - What computing and sending takes ----------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_COSTS_H
#define BITPIPE_TRANSFORMS_SCHEDULE_COSTS_H

#include "lib/Transforms/Schedule/Schedule.h"

namespace bitpipe::schedule {

struct StageCost {
  double forward = 1, inputGradient = 1, weightGradient = 1;
  /// What stays alive from a forward to its weight gradient.
  double activation = 1;
};

/// Times in any unit, the same for all.
struct Costs {
  /// One per stage, or a single one for all.
  std::vector<StageCost> stages = {{}};
  /// A message arrives `transfer + latency` after it starts. Between two
  /// devices and in one direction, one message at a time is transferred.
  double transfer = 0, latency = 0;

  const StageCost &stage(int index) const {
    return stages.size() == 1 ? stages.front() : stages[index];
  }
  double time(const Action &action) const {
    const StageCost &cost = stage(action.stage);
    switch (action.kind) {
    case Kind::F:
      return cost.forward;
    case Kind::B:
      return cost.inputGradient + cost.weightGradient;
    case Kind::I:
      return cost.inputGradient;
    case Kind::W:
      return cost.weightGradient;
    }
    return 0;
  }
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_COSTS_H
