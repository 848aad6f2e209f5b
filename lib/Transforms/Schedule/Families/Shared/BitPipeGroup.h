//===- BitPipeGroup.h - BitPipe's order of D micro-batches -------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_BITPIPEGROUP_H
#define BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_BITPIPEGROUP_H

#include "lib/Transforms/Schedule/Core/Schedule.h"

namespace bitpipe::schedule {

/// The published order of one group on one device: D micro-batches from `first`
/// on, the first half of which goes down and the rest up.
std::vector<Action> bitPipeGroup(int devices, int rank, int first);

/// How many forwards a device runs before the first one comes from another
/// device, and how many backwards after the last one goes to another.
int ownFirst(int devices, int rank);

/// Concatenates groups: the first `own` forwards of the next one come before the
/// last `own` backwards of this one, where the device would idle.
void appendGroup(std::vector<Action> &list, const std::vector<Action> &group,
                 int own);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_BITPIPEGROUP_H
