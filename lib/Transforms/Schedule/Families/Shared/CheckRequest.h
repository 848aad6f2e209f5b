//===- CheckRequest.h - What only some families can be asked for -*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_CHECKREQUEST_H
#define BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_CHECKREQUEST_H

#include "lib/Transforms/Schedule/Families/Shared/Registry.h"

namespace bitpipe::schedule {

/// Fails where a number of micro-batches between updates is asked of what has none.
std::optional<Error> checkUpdateEvery(const Request &request, bool updatesBetween);

/// Fails where devices are to take turns at stages in what has no such stages.
std::optional<Error> checkStageReplicas(const Request &request, bool sharesStages);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_CHECKREQUEST_H
