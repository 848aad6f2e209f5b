//===- TakeTurns.h - Lists of devices, and forwards and backwards in turn -*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_TAKETURNS_H
#define BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_TAKETURNS_H

#include "lib/Transforms/Schedule/Core/Schedule.h"

namespace bitpipe::schedule {

/// The order in which each device has the list that is made for its rank.
template <typename MakeList> Order everyRank(int devices, MakeList listOf) {
  Order order;
  for (int rank = 0; rank < devices; ++rank)
    order.push_back(listOf(rank));
  return order;
}

/// A stage's actions of a kind for micro-batches below `count`, from `first` on every `step`-th.
std::vector<Action> ascending(Kind kind, int stage, int count, int first = 0, int step = 1);

/// A device's list: `ahead` forwards, then forwards and backwards in turn, then
/// the remaining backwards. Input gradients for backwards are followed, each, by the weight
/// gradient of the one `delay` places before it.
std::vector<Action> takeTurns(const std::vector<Action> &forwards,
                              const std::vector<Action> &backwards,
                              size_t ahead, size_t delay = 0);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_TAKETURNS_H
