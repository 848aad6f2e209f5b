//===- BitPipeGroup.h - BitPipe's order of D micro-batches -------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_BITPIPEGROUP_H
#define BITPIPE_TRANSFORMS_SCHEDULE_BITPIPEGROUP_H

#include "lib/Transforms/Schedule/Schedule.h"

namespace bitpipe::schedule {

/// Appends to a device's list the published order of one group: D micro-batches
/// from `first` on, the first half of which goes down and the rest up.
void appendBitPipeGroup(std::vector<Action> &list, int devices, int rank,
                        int first);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_BITPIPEGROUP_H
