//===- Judge.h - What the updates of a step do ----------------------------===//
//
// Every device judges a step for itself, from the same numbers in the same order,
// so that all decide alike.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_EXECUTE_JUDGE_H
#define BITPIPE_RUNTIME_EXECUTE_JUDGE_H

#include "lib/Runtime/Execute/StepInputs.h"

#include <span>

namespace bitpipe {

/// What all devices together know of a step before they update.
struct StepNumbers {
  std::span<const double> squares; // of gradients, by device
  std::span<const double> losses;  // by micro-batch
  std::span<const double> counts;  // by micro-batch; empty if the model has none
  bool badIndex; // a kernel has met an index outside of its table
};

/// Where the updates of a training stand, which goes on from one run to another.
struct UpdateState {
  int64_t updates = 0;      // steps that changed the parameters
  int64_t skippedInARow = 0; // up to the last step
};

struct Judgement {
  double gradNorm, lossSum;
  double count;        // of all micro-batches: what losses are divided by
  float gradientScale; // that updates multiply gradients by
  bool skips;          // the step changes nothing
  bool badIndex;       // since a kernel has met an index outside of its table
  UpdateState state;   // with this step
};

/// Of a step; the judgement is the same on all devices.
struct StepResult {
  Judgement judgement;
  int64_t finished; // when the device had ended it, in nanoseconds of the clock
};

/// A step is skipped if its loss or gradient norm is not finite or an index was
/// outside of its table, and each one after `maxBadSteps` such steps in a row. So is one that
/// evaluates, which leaves the state as it was.
Judgement judge(const StepNumbers &numbers, const StepInputs &inputs,
                UpdateState before);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_EXECUTE_JUDGE_H
