//===- BitPipeGroup.h - BitPipe's order of D micro-batches -------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_BITPIPEGROUP_H
#define BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_BITPIPEGROUP_H

#include "lib/Transforms/Schedule/Core/Schedule.h"

#include <functional>

namespace bitpipe::schedule {

/// The published order of one group on one device: D micro-batches from `first`
/// on, the first half of which goes down and the rest up.
std::vector<Action> bitPipeGroup(int devices, int rank, int first);

/// How many forwards a device runs before the first one comes from another
/// device, and how many backwards after the last one goes to another.
int ownFirst(int devices, int rank);

/// Concatenates groups of `size` micro-batches, a multiple of the devices, each from its first
/// one on: as many of the first forwards of the next one as a device runs alone come before as
/// many of the last backwards of this one, where the device would idle.
Order concatenate(int devices, int microbatches, int size,
                  const std::function<std::vector<Action>(int rank, int first)> &groupOf);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_BITPIPEGROUP_H
