//===- ChimeraGroup.h - Chimera's order of D micro-batches -------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_CHIMERAGROUP_H
#define BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_CHIMERAGROUP_H

#include "lib/Transforms/Schedule/Core/Schedule.h"

namespace bitpipe::schedule {

/// Chimera's order of one group on one device: D micro-batches from `first` on,
/// the first half of which goes down and the rest up.
std::vector<Action> chimeraGroup(int devices, int rank, int first);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_CHIMERAGROUP_H
