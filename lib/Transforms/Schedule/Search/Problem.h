//===- Problem.h - Finding an order for a placement --------------*- C++ -*-===//
//
// What a scheduler is given: where everything runs, what it takes, and how much
// each device can hold. check() says whether the problem is well-posed,
// verify() whether an order solves it.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_PROBLEM_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_PROBLEM_H

#include "lib/Transforms/Schedule/Core/Costs.h"

#include <optional>

namespace bitpipe::schedule {

struct Problem {
  Placement placement;
  Costs costs;
  /// Most activations alive on each device, in the costs' unit; none: no limit.
  std::vector<double> memory;
  /// Input and weight gradients by runs of their own.
  bool split = false;
  /// What one activation is in the costs' unit, as limits are counted: sizes are
  /// told and rounded by it.
  double activation = 1;
  /// Whether bounds are to hold of orders with pairs that go on at the same time, too, as
  /// costs have it (Costs::overlapsPairs). The scheduler makes no pairs.
  bool pairs = false;
  /// What errors count an activation as.
  double counted = 1;

  /// Fails if a cost or a limit is missing, or no order fits the limits; says
  /// what the smallest limit is.
  std::optional<Error> check() const;

  /// Fails if the order does not run everything once, blocks, or exceeds a
  /// limit.
  std::optional<Error> verify(const Order &order) const;

  double limit(int device) const;
};

/// The least memory in which any order exists: one micro-batch at a time.
double smallestMemory(const Placement &placement, const Costs &costs,
                      int device);

/// `device 3 may hold 40, expected at least 52: 48 of state and 4 of activations`
Error exceedsMemory(int device, double memory, double state,
                    double activations);

/// What each device may hold in activations: no more than `most`, and than the
/// costs' memory leaves beside the state of its stages.
std::vector<double> activationLimits(const Placement &placement,
                                     const Costs &costs, double most);

/// When an order is done; never if it is empty or blocks.
double makespanOf(const Problem &problem, const Order &order);

/// No order is done earlier. A device works through all that is on it; before
/// that something must come to it; until the first gradient comes it can do no
/// more than fill its memory with forwards; and after its last run the gradient
/// must leave the pipeline (unless weight gradients are left, which need not); after its
/// last forward it has only the gradients of what it can hold to fill the time with.
/// The same holds of any part of its work: a device that must wait for one
/// direction has only its share of the other to fill the time with.
/// Likewise a link carries its messages one after the other, between what leads
/// to the first and what follows the last. One micro-batch alone takes its whole
/// way. In a pair a run takes no less than alone, but the device may do two in the time
/// of the longer one, or in their shares.
double lowerBound(const Problem &problem);

/// No iteration ends earlier with its gradient sums. The last run of a device
/// completes a gradient that is still to be summed if other devices hold the
/// stage, too; and a device's sums, one after the other, come after all that it
/// runs of one of its stages at least.
double iterationBound(const Problem &problem);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_PROBLEM_H
