//===- Bounds.cpp - How far a schedule is from the best --------------------===//
//
// The bounds are proven for orders that split all backwards or none. An order
// that splits some is covered by the former: a whole backward can be taken for
// its two parts, one right after the other. Where a whole backward takes less
// time than the parts, they are shortened to that, which makes every order of
// either sort at most faster.
//
// In orders with pairs any forward may be in one with any backward. A pair takes no less
// than its parts in their shares, nor than its forwards or its backwards alone, so that the
// same holds of all that a device runs.
//
// Recomputations are work that a device has to do between its first forward and its last
// gradient, and count as that. What is said of memory holds of activations that live from
// the forward on, so that with recomputation, or where they move, nothing is claimed of it.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Search/Bounds.h"

#include "lib/Transforms/Schedule/Search/Problem.h"

#include <algorithm>

using namespace bitpipe::schedule;

static void shortenParts(Costs &costs) {
  for (StageCost &stage : costs.stages) {
    double parts = stage.inputGradient + stage.weightGradient;
    double share = parts > 0 ? std::min(1.0, stage.backward / parts) : 1;
    stage.inputGradient *= share;
    stage.weightGradient *= share;
  }
}

/// Of a sum into slices a half comes before the norm.
static void halveSums(Costs &costs) {
  for (StageCost &stage : costs.stages)
    stage.sum /= 2;
}

double bitpipe::schedule::leastTime(const Placement &placement, const Costs &costs,
                                    bool slices) {
  Problem problem{placement, costs, {}, /*split=*/true, 1, costs.overlapsPairs()};
  shortenParts(problem.costs);
  if (slices)
    halveSums(problem.costs);
  return iterationBound(problem);
}

Bounds bitpipe::schedule::bounds(const Simulated &simulated) {
  const Schedule &schedule = simulated.schedule;
  bool pairs = simulated.costs.overlapsPairs() && pairsIn(schedule.order) > 0;
  Problem problem{schedule.placement, simulated.costs, {}, hasKind(schedule.order, Kind::I), 1, pairs};
  if (problem.split && hasKind(schedule.order, Kind::B))
    shortenParts(problem.costs);
  if (simulated.shards)
    halveSums(problem.costs);
  Bounds result;
  result.anyMemory = lowerBound(problem);
  result.iteration = iterationBound(problem);
  result.sameMemory = result.anyMemory;
  if (schedule.placement.recomputes() || schedule.placement.moves())
    return result;
  for (const DeviceUse &use : simulated.use)
    problem.memory.push_back(use.peakActivation);
  result.sameMemory = lowerBound(problem);
  return result;
}
