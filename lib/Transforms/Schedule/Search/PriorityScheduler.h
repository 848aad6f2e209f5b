//===- PriorityScheduler.h - List scheduling in both directions --*- C++ -*-===//
//
// An order made from a number per action, either from the start of the
// iteration on or from its end back. The latter makes everything as late as
// possible: the same problem with all arrows turned round.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_PRIORITYSCHEDULER_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_PRIORITYSCHEDULER_H

#include "lib/Transforms/Schedule/Search/Tasks.h"

namespace bitpipe::schedule {

/// From the start on: a free device takes, of the actions that are ready and
/// fit its memory, the one with the least priority. No more than `entered`
/// micro-batches of a route are between their first forward on a device and the
/// input gradient of that, if it is not 0. For `wait` a device stands still where what
/// has a lesser priority will be ready by then.
Pass scheduleForward(const Problem &problem, const Priorities &priorities,
                     size_t entered = 0, double wait = 0);

/// From the end back: a free device takes, of the actions of which all that
/// needs them is scheduled, the one with the greatest priority.
Pass scheduleBackward(const Problem &problem, const Priorities &priorities,
                      double wait = 0);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_PRIORITYSCHEDULER_H
