//===- Way.h - The way of one micro-batch ------------------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_WAY_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_WAY_H

#include "lib/Transforms/Schedule/Search/Problem.h"

namespace bitpipe::schedule {

/// When a micro-batch passes the stages of its route, if nothing keeps it.
struct Way {
  /// Per stage, the earliest start of its forward.
  std::vector<double> arrival;
  /// Per stage, the earliest start of its input gradient.
  std::vector<double> turn;
  /// Per stage, what must still happen after its input gradient is made.
  std::vector<double> rest;
  double total = 0;
};

Way follow(const Problem &problem, const Route &route);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_WAY_H
