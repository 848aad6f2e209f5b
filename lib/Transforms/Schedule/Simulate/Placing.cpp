//===- Placing.cpp - Times by which actions are put into an order ----------===//

#include "lib/Transforms/Schedule/Simulate/Placing.h"

#include <algorithm>

using namespace bitpipe::schedule;

Costs bitpipe::schedule::forPlacing(const Costs &costs) {
  constexpr double least = 1e-4; // of the longest
  Costs result = costs;
  double longest = 0;
  for (const StageCost &stage : costs.stages)
    longest = std::max({longest, stage.forward, stage.backward});
  for (StageCost &stage : result.stages) {
    stage.recompute = stage.recomputation();
    for (double StageCost::*time : {&StageCost::forward, &StageCost::inputGradient, &StageCost::weightGradient,
                                    &StageCost::backward, &StageCost::recompute})
      stage.*time = std::max(stage.*time, least * longest);
  }
  return result;
}

Placement bitpipe::schedule::forPlacing(const Placement &placement) {
  Placement result = placement;
  result.setLossInGradient(false);
  return result;
}
