//===- MemoryGuard.cpp - Memory that never blocks --------------------------===//

#include "lib/Transforms/Schedule/Search/MemoryGuard.h"

#include <algorithm>

using namespace bitpipe::schedule;

/// Sums of activations that differ by no more than this share of one are
/// rounded differently.
static constexpr double rounding = 1e-9;

MemoryGuard::MemoryGuard(const Problem &problem)
    : problem(problem), microbatches(problem.placement.microbatches()),
      slack(rounding * problem.activation),
      held(size_t(microbatches) * problem.placement.devices()), needed(held),
      stagesLeft(microbatches, problem.placement.stages()),
      entered(microbatches) {
  for (int device = 0; device < problem.placement.devices(); ++device) {
    freeMemory.push_back(problem.limit(device));
    wholeNeed.push_back(
        smallestMemory(problem.placement, problem.costs, device));
  }
  for (const Route &route : problem.placement.routes())
    for (int m : route.microbatches)
      for (int stage = 0; stage < problem.placement.stages(); ++stage)
        needed[at(m, route.devices[stage])] += activation(stage);
}

bool MemoryGuard::isSafe(int stage, int microbatch, int device) {
  if (problem.memory.empty())
    return true;
  double more = activation(stage);
  double available = freeMemory[device] - more;
  // It was safe before, and only this device has less, until the micro-batch is
  // completed. Where there is enough for any, there is from there on.
  for (int other : underWay) {
    if (available >= wholeNeed[device])
      return true;
    size_t index = at(other, device);
    double still = needed[index] - (other == microbatch ? more : 0);
    if (still > available + slack)
      return false;
    if (other == microbatch)
      return true;
    available += held[index];
  }
  return needed[at(microbatch, device)] - more <= available + slack;
}

void MemoryGuard::take(int stage, int microbatch, int device) {
  if (!entered[microbatch])
    underWay.push_back(microbatch);
  entered[microbatch] = true;
  freeMemory[device] -= activation(stage);
  held[at(microbatch, device)] += activation(stage);
  needed[at(microbatch, device)] -= activation(stage);
}

void MemoryGuard::give(int stage, int microbatch, int device) {
  freeMemory[device] += activation(stage);
  held[at(microbatch, device)] -= activation(stage);
  if (--stagesLeft[microbatch] == 0)
    underWay.erase(std::find(underWay.begin(), underWay.end(), microbatch));
}
