//===- Solve.h - An order near the best for a problem ------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_SOLVE_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_SOLVE_H

#include "lib/Transforms/Schedule/Search/Problem.h"

namespace bitpipe::schedule {

/// An order that solves the problem, the shortest of those that the ways in Solve.cpp
/// find. Where none meets the lower bound they are improved for as long as `effort`
/// allows: 1 is some seconds at most, 10 ten times that. The same on every machine and
/// each time. Fails where the problem is not well-posed.
ErrorOr<Order> solve(const Problem &problem, double effort = 1);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_SOLVE_H
