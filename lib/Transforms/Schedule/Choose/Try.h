//===- Try.h - One schedule, ordered and simulated ---------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CHOOSE_TRY_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CHOOSE_TRY_H

#include "lib/Transforms/Schedule/Choose/Candidate.h"

namespace bitpipe::schedule {

/// A candidate, which may exceed the memory of a device, or why there is no order.
struct Tried {
  std::optional<Candidate> candidate;
  std::string error;
};

/// Orders and simulates a request, whose placement is given, and holds it to the memory that
/// devices have. What has no room for its state alone is not ordered.
Tried tryOrder(const Request &request, const Placement &placement, const Scope &scope);

/// The same, ordered unless there is no room for one micro-batch.
Tried tryOrdered(const Request &request, const Placement &placement, const Scope &scope);

/// The same, ordered whatever it needs.
Tried tryInFull(const Request &request, const Placement &placement, const Scope &scope);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CHOOSE_TRY_H
