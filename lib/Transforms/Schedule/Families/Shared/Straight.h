//===- Straight.h - Routes with one stage on each device ---------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_STRAIGHT_H
#define BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_STRAIGHT_H

#include "lib/Transforms/Schedule/Families/Shared/Registry.h"

namespace bitpipe::schedule {

/// One straight route. Fails for more than one chunk, and says with `hint` what has more.
ErrorOr<Placement> placeStraight(const Request &request, const std::string &hint);
inline ErrorOr<Placement> placeStraight(const Request &request) {
  return placeStraight(request, "");
}

/// Two opposite ones, each with its share of the micro-batches, spread evenly. Fails likewise,
/// and for fewer than two micro-batches.
ErrorOr<Placement> placeTwoStraight(const Request &request, const std::string &hint);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_STRAIGHT_H
