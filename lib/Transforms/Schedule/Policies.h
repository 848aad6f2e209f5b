//===- Policies.h - Policies worth a try -------------------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_POLICIES_H
#define BITPIPE_TRANSFORMS_SCHEDULE_POLICIES_H

#include "lib/Transforms/Schedule/ListScheduler.h"

namespace bitpipe::schedule {

/// All policies worth a try on a problem, the most promising first.
std::vector<Policy> makePolicies(const Problem &problem);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_POLICIES_H
