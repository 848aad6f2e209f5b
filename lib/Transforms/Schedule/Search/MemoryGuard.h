//===- MemoryGuard.h - Memory that never blocks ------------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_MEMORYGUARD_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_MEMORYGUARD_H

#include "lib/Transforms/Schedule/Search/Problem.h"

namespace bitpipe::schedule {

/// The activations that micro-batches hold on each device while an order is
/// made. Memory is only handed out if afterwards the micro-batches under way
/// could still be completed one after the other, oldest first, each with what
/// the ones before it leave free (the banker's algorithm; Dijkstra, 1965). So
/// the oldest one can always go on, whatever messages take. From forward to weight
/// gradient a stage is held at its largest.
class MemoryGuard {
public:
  explicit MemoryGuard(const Problem &problem);

  /// What is free on a device.
  double free(int device) const { return freeMemory[device]; }
  /// Whether a stage's activation fits what is free on its device.
  bool fits(int stage, int device) const {
    return freeMemory[device] >= activation(stage) - slack;
  }
  /// Whether all that is under way could still complete if the stage's
  /// activation of a micro-batch were held, too.
  bool isSafe(int stage, int microbatch, int device);

  void take(int stage, int microbatch, int device);
  void give(int stage, int microbatch, int device);

private:
  size_t at(int microbatch, int device) const {
    return size_t(device) * microbatches + microbatch;
  }
  double activation(int stage) const {
    return problem.costs.stage(stage).held();
  }

  const Problem &problem;
  const int microbatches;
  /// Memory may be exceeded by this.
  const double slack;
  std::vector<double> freeMemory;
  /// Per device and micro-batch, the activations alive and still to come.
  std::vector<double> held, needed;
  /// Per device, what one micro-batch needs in all.
  std::vector<double> wholeNeed;
  std::vector<int> stagesLeft;
  /// Micro-batches under way, oldest first, and which have ever been.
  std::vector<int> underWay;
  std::vector<bool> entered;
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_MEMORYGUARD_H
