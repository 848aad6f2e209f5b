//===- Solve.h - An order near the best for a problem ------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SOLVE_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SOLVE_H

#include "lib/Transforms/Schedule/Problem.h"

namespace bitpipe::schedule {

/// An order that solves the problem, the earliest done of those that the ways in
/// Solve.cpp find; they go on for `seconds` if none of them meets the lower
/// bound. Deterministic for seconds = 0. Fails where the problem is not
/// well-posed.
ErrorOr<Order> solve(const Problem &problem, double seconds = 0);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SOLVE_H
