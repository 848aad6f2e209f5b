//===- CheckRequest.h - Whether what is asked for can be ---------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_CHECKREQUEST_H
#define BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_CHECKREQUEST_H

#include "lib/Transforms/Schedule/Families/Shared/Registry.h"

namespace bitpipe::schedule {

/// Fails where the directions cannot have the shares that are asked for.
std::optional<Error> checkDown(const Request &request, bool hasTwoWays);

/// Fails if the request says how many micro-batches go down beside a file that
/// says which.
std::optional<Error> checkNoDown(const Request &request, const std::string &file);

/// Fails where something is asked for that only other schedules have: a number of
/// micro-batches between updates, or devices that take turns at stages.
std::optional<Error> checkKnown(const Request &request, bool updatesBetween,
                                bool sharesStages);

/// Fails where the request asks for something else than a file has, with its name.
std::optional<Error> checkFile(const Request &request, const std::string &file,
                               const Placement &placement);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_CHECKREQUEST_H
