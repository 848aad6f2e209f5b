//===- Versions.h - Which version of the weights is read ---------*- C++ -*-===//
//
// Arithmetic on Updates (Schedule.h). With more than one version gradients are those of
// older weights than they are applied to: PipeDream (Harlap et al., 2018) has as many
// versions as micro-batches are under way on a stage, PipeDream-2BW (Narayanan et al.,
// 2020) two.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CORE_VERSIONS_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CORE_VERSIONS_H

#include "lib/Transforms/Schedule/Core/Schedule.h"

#include <algorithm>
#include <span>

namespace bitpipe::schedule {

/// The group of a micro-batch; all of what follows wants a placement with updates.
inline int groupOf(const Placement &placement, int microbatch) {
  return microbatch / placement.updates().every;
}
inline int groupCount(const Placement &placement) {
  return placement.microbatches() / placement.updates().every;
}
/// The last micro-batch of a group.
inline int endOfGroup(const Placement &placement, int group) {
  return (group + 1) * placement.updates().every - 1;
}

/// Those of a group among ascending micro-batches.
inline std::span<const int> inGroup(const Placement &placement, const std::vector<int> &row,
                                    int group) {
  auto first = std::lower_bound(row.begin(), row.end(), group * placement.updates().every);
  auto behind = std::upper_bound(first, row.end(), endOfGroup(placement, group));
  return {first, behind};
}
/// Of the group of a micro-batch those that run a stage on the same device as it. Its update
/// there takes their gradients, and is named by the last one.
inline std::span<const int> ownOfGroup(const Placement &placement, int stage, int microbatch) {
  return inGroup(placement, placement.together(stage, microbatch),
                 groupOf(placement, microbatch));
}
inline bool endsOwnGroup(const Placement &placement, int stage, int microbatch) {
  return ownOfGroup(placement, stage, microbatch).back() == microbatch;
}

/// The version that a stage reads whatever it runs for a micro-batch.
inline int versionRead(const Placement &placement, int stage, int microbatch) {
  int older = placement.updates().versions[stage] - 1;
  return std::max(0, groupOf(placement, microbatch) - older);
}

/// The last group that reads a version, or -1.
inline int lastReadingGroup(const Placement &placement, int stage, int version) {
  int older = placement.updates().versions[stage] - 1, last = groupCount(placement) - 1;
  if (version == 0)
    return std::min(older, last);
  return version + older <= last ? version + older : -1;
}

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CORE_VERSIONS_H
