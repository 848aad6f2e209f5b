//===- Justify.h - A shorter order, to and fro -------------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_JUSTIFY_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_JUSTIFY_H

#include "lib/Transforms/Schedule/Search/Tasks.h"

#include <random>

namespace bitpipe::schedule {

/// A number drawn evenly between two limits, the same on every machine.
double between(double low, double high, std::mt19937_64 &random);

/// The work of the busiest device, for each micro-batch of a route: how far
/// micro-batches of one route follow each other at least.
double intervalOf(const Problem &problem);

/// How long a device may wait, and nothing else could have been run meanwhile.
double longestWait(const Problem &problem);

/// What an order is made from first.
struct Wave {
  Priorities priorities;
  /// See scheduleForward.
  size_t entered = 0;
  double wait = 0;
};

/// Priorities in the shape of a wave: micro-batches enter one after the other,
/// a little faster than they can leave, and move on along their way, gradients
/// slower than they could. The exact speeds are drawn; with messages and whole backwards
/// how long devices wait, if there are no groups, which wait better; and in every other
/// wave with split backwards how many micro-batches may have entered: where a device has
/// the same stages for both directions, what enters from one end must not crowd out what
/// comes back.
Wave drawWave(const Problem &problem, std::mt19937_64 &random);

/// Forwards as far as memory goes, of late stages first; then gradients, of early stages
/// first, so that they leave the pipeline; weight gradients in what is left.
Wave forwardsFirst(const Problem &problem);

/// What a search found, and what it took.
struct Found {
  Order order;
  double makespan = 0;
  /// Orders made.
  size_t tries = 0;
};

/// Forward-backward scheduling (Li and Willis, "An iterative scheduling
/// technique for resource-constrained project scheduling", 1992): an order is
/// made from the start on, then from its end back with everything as late as it
/// can be, then from the start again by those times, and so on; what is urgent
/// comes to light on the way back. When nothing gets shorter the times are
/// shaken a little. Stops at the lower bound, or when `patience` tries in turn
/// found nothing shorter.
Found justify(const Problem &problem, Wave wave, size_t patience,
              std::mt19937_64 &random);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_JUSTIFY_H
