//===- Anneal.h - A better order by local search -----------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_ANNEAL_H
#define BITPIPE_TRANSFORMS_SCHEDULE_ANNEAL_H

#include "lib/Transforms/Schedule/Problem.h"

namespace bitpipe::schedule {

/// Moves actions of one device past others as long as time lasts, keeping what
/// still solves the problem and, at first, now and then what is a little worse.
/// Returns the best order met, at least as good as the given one.
Order anneal(const Problem &problem, Order order, double seconds);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_ANNEAL_H
