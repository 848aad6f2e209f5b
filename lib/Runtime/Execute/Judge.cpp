//===- Judge.cpp - What the updates of a step do --------------------------===//

#include "lib/Runtime/Execute/Judge.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

using namespace bitpipe;

static double sum(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

/// Whether loss and gradients are finite, and the squares of what is left of
/// them after clipping too: an infinite second moment would stay for ever.
static bool canUpdate(const Judgement &step) {
  double scaled = step.gradNorm * step.gradientScale;
  return !step.badIndex && std::isfinite(step.lossSum) &&
         std::isfinite(step.gradNorm) &&
         scaled * scaled <= std::numeric_limits<float>::max();
}

Judgement bitpipe::judge(const StepNumbers &numbers, const StepInputs &inputs,
                         UpdateState before) {
  double count = numbers.counts.empty() ? 1 : sum(numbers.counts);
  // Where nothing counts there is no loss and no gradient.
  double scale = count == 0 ? 0 : 1 / count;
  // Of many updates the root of the mean of the squares.
  double norm = scale * std::sqrt(sum(numbers.squares) / double(inputs.updates));
  if (inputs.clip > 0)
    scale *= std::min(1.0, inputs.clip / (norm + 1e-6));
  Judgement step{norm, sum(numbers.losses), count, float(scale), true,
                 numbers.badIndex, before};
  // The run ends after so many; a step that was submitted before that was known
  // must not go on from the state that is kept.
  if (!inputs.evaluates && before.skippedInARow < inputs.maxBadSteps) {
    step.skips = !canUpdate(step);
    step.state.skippedInARow = step.skips ? before.skippedInARow + 1 : 0;
  }
  step.state.updates += step.skips ? 0 : inputs.updates;
  return step;
}
