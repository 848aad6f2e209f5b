//===- TakeTurns.h - One forward, one backward ---------------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_TAKETURNS_H
#define BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_TAKETURNS_H

#include "lib/Transforms/Schedule/Core/Schedule.h"

namespace bitpipe::schedule {

/// A device's list: `ahead` forwards, then forwards and backwards in turn, then
/// the remaining backwards.
std::vector<Action> takeTurns(const std::vector<Action> &forwards,
                              const std::vector<Action> &backwards,
                              size_t ahead);

/// The same with input gradients for backwards; each is followed by the weight
/// gradient of the one `delay` places before it.
std::vector<Action> takeTurnsSplit(const std::vector<Action> &forwards,
                                   const std::vector<Action> &inputGradients,
                                   size_t ahead, size_t delay);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_TAKETURNS_H
