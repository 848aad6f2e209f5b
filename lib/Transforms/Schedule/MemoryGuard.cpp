//===- MemoryGuard.cpp - Memory that never blocks --------------------------===//

#include "lib/Transforms/Schedule/MemoryGuard.h"

#include <algorithm>

using namespace bitpipe::schedule;

/// Sums of activations that differ by no more than this share of one are
/// rounded differently.
static constexpr double rounding = 1e-9;

MemoryGuard::MemoryGuard(const Problem &problem)
    : problem(problem), devices(problem.placement.devices()),
      slack(rounding * problem.activation),
      held(size_t(problem.placement.microbatches()) * devices), needed(held),
      stagesLeft(problem.placement.microbatches(), problem.placement.stages()),
      entered(problem.placement.microbatches()) {
  for (int device = 0; device < devices; ++device) {
    freeMemory.push_back(problem.limit(device));
    wholeNeed.push_back(
        smallestMemory(problem.placement, problem.costs, device));
  }
  for (const Route &route : problem.placement.routes())
    for (int m : route.microbatches)
      for (int stage = 0; stage < problem.placement.stages(); ++stage)
        needed[at(m, route.devices[stage])] += activation(stage);
}

/// Whether a micro-batch fits what is available; if so, all that it holds is
/// available after it.
bool MemoryGuard::completes(int microbatch) {
  const double *holds = &held[at(microbatch, 0)];
  const double *needs = &needed[at(microbatch, 0)];
  bool enough = true;
  plenty = true;
  for (int device = 0; device < devices; ++device) {
    double &free = available[device];
    enough = enough & (needs[device] <= free + slack);
    free += holds[device];
    plenty = plenty & (free >= wholeNeed[device]);
  }
  return enough;
}

bool MemoryGuard::isSafe(int stage, int microbatch, int device) {
  if (problem.memory.empty())
    return true;
  double more = activation(stage);
  available = freeMemory;
  available[device] -= more;
  // As if it were taken.
  needed[at(microbatch, device)] -= more;
  held[at(microbatch, device)] += more;
  bool safe = true;
  plenty = false;
  for (size_t i = 0; i < underWay.size() && safe && !plenty; ++i)
    safe = completes(underWay[i]);
  // Where there is plenty, any micro-batch completes from there on.
  if (safe && !plenty && !entered[microbatch])
    safe = completes(microbatch);
  needed[at(microbatch, device)] += more;
  held[at(microbatch, device)] -= more;
  return safe;
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
