//===- ListScheduler.h - An order by one rule at a time ----------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_LISTSCHEDULER_H
#define BITPIPE_TRANSFORMS_SCHEDULE_LISTSCHEDULER_H

#include "lib/Transforms/Schedule/Problem.h"

#include <limits>

namespace bitpipe::schedule {

/// Which of the actions that could start a device takes.
struct Policy {
  enum class Forward { LateStage, EarlyStage, Oldest };
  enum class Backward { EarlyStage, LateStage, Oldest, Balanced };

  /// Forwards before backwards, as far as memory goes.
  bool forwardsFirst = false;
  Forward forward = Forward::LateStage;
  Backward backward = Backward::EarlyStage;
  /// Balanced: the stage with the fewest backwards done, where each pass
  /// through the pipeline counts this many ahead of the one before.
  double lead = 0;
  /// So many backwards of a device come first even before forwards.
  int eager = 0;
  /// At most so many micro-batches of a stage in its first pass are alive.
  int entered = 0;
  /// Weight gradients come first while less memory than for so many
  /// activations is free.
  int tidy = 0;

  /// For some micro-batches of each stage other numbers hold: from the `from`th
  /// one of a route up to the `to`th, of one route or, for -1, of all.
  struct Change {
    size_t from = 0, to = 0;
    int route = -1;
    int entered = 0;
    double lead = 0;
  };
  /// The last one that is about a micro-batch counts.
  std::vector<Change> changes;
};

/// Lets time pass; every free device takes, of the actions that are ready and
/// fit its memory, the first by the policy. Weight gradients fill what is left.
/// Gives up, with an empty order, once a device cannot be done by `latest`.
///
/// Memory never blocks it, whatever messages take: a forward is only begun if
/// afterwards the micro-batches under way could still be completed one after
/// the other, oldest first, each with what the ones before it leave free. So
/// the oldest one can always go on.
Order listSchedule(const Problem &problem, const Policy &policy,
                   double latest = std::numeric_limits<double>::infinity());

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_LISTSCHEDULER_H
