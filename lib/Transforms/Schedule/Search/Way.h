//===- Way.h - The way of one micro-batch ------------------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_WAY_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_WAY_H

#include "lib/Transforms/Schedule/Search/Flow.h"
#include "lib/Transforms/Schedule/Search/Problem.h"

namespace bitpipe::schedule {

/// When a micro-batch passes the stages of its route, if nothing keeps it; by the runs of its
/// flow.
struct Way {
  /// The earliest start of each run, and what must still happen when it is done.
  std::vector<double> head, tail;
  /// The end of the last.
  double length = 0;
};

/// The time from one run to another that reads what it makes, 0 on the same device.
double messageTime(const Problem &problem, const Route &route, const Flow::Run &maker,
                   const Flow::Run &reader);

Way follow(const Problem &problem, const Flow &flow, const Route &route);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_WAY_H
