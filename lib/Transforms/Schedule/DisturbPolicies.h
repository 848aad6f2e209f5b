//===- DisturbPolicies.h - Policies out of step ------------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_DISTURBPOLICIES_H
#define BITPIPE_TRANSFORMS_SCHEDULE_DISTURBPOLICIES_H

#include "lib/Transforms/Schedule/ListScheduler.h"

#include <functional>
#include <random>

namespace bitpipe::schedule {

/// A policy that keeps stages in balance settles into a cycle of some
/// micro-batches in which no device waits, and the pipeline drains well where
/// the last ones end such a cycle. For other numbers of micro-batches the cycle
/// must be brought out of step: for a few of them another number may be alive
/// or a later pass be ahead by more or less. Which ones is searched, by small
/// changes to the best that are known. Makes `tries` orders at most; each policy
/// that meets the lower bound is shown to `isEnough`, which ends the search with
/// true. Returns the best policies, the best one first.
std::vector<Policy>
disturbPolicies(const Problem &problem, size_t tries, std::mt19937_64 &random,
                const std::function<bool(const Policy &)> &isEnough);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_DISTURBPOLICIES_H
