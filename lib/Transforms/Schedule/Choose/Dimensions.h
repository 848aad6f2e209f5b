//===- Dimensions.h - What can be chosen -------------------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CHOOSE_DIMENSIONS_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CHOOSE_DIMENSIONS_H

#include "lib/Transforms/Schedule/Choose/Candidate.h"

namespace bitpipe::schedule {

/// The request with every combination of what it leaves open, and may differ in time. Not
/// all are possible.
std::vector<Request> combinations(const Request &request, const Scope &scope);

/// The ways in which a request without room could do with less memory in the same order, none
/// of which has been tried.
std::vector<Request> memorySavers(const Request &request, const Placement &placement,
                                  const Scope &scope);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CHOOSE_DIMENSIONS_H
