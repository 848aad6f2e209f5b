//===- Dimensions.h - What can be chosen -------------------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CHOOSE_DIMENSIONS_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CHOOSE_DIMENSIONS_H

#include "lib/Transforms/Schedule/Families/Shared/Registry.h"

namespace bitpipe::schedule {

/// The request with every combination of what it leaves open. Not all are possible.
std::vector<Request> combinations(const Request &request);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CHOOSE_DIMENSIONS_H
