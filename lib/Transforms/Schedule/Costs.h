//===- Costs.h - What computing and sending takes ----------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_COSTS_H
#define BITPIPE_TRANSFORMS_SCHEDULE_COSTS_H

#include "lib/Transforms/Schedule/Schedule.h"

#include <string_view>

namespace bitpipe::schedule {

struct StageCost {
  double forward = 1, inputGradient = 1, weightGradient = 1;
  /// Both gradients by one run.
  double backward = 2;
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
  /// The sum of a group's gradients. A device does one at a time, beside its
  /// runs.
  double sum = 0;

  const StageCost &stage(int index) const {
    return stages.size() == 1 ? stages.front() : stages[index];
  }
  double time(const Action &action) const {
    const StageCost &cost = stage(action.stage);
    switch (action.kind) {
    case Kind::F:
      return cost.forward;
    case Kind::B:
      return cost.backward;
    case Kind::I:
      return cost.inputGradient;
    case Kind::W:
      return cost.weightGradient;
    }
    return 0;
  }
};

/// Reads `F=1,B=2,I=1,W=1,comm=0,sum=0`, any of them and in any order; `comm` is
/// the time of a message, `sum` of a sum of gradients.
ErrorOr<Costs> parseCosts(std::string_view text);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_COSTS_H
