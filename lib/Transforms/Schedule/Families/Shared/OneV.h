//===- OneV.h - Placement and orders of one V -------------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_ONEV_H
#define BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_ONEV_H

#include "lib/Transforms/Schedule/Families/Shared/Registry.h"

namespace bitpipe::schedule {

/// Device r holds stages r and 2D-1-r. Fails for other than two chunks.
ErrorOr<Placement> placeOneV(const Request &request);

/// When a device is to start what it does for one micro-batch: forward and
/// input gradient of its stage on the way down and of that on the way up. The
/// unit is the time of any of these, or of a weight gradient.
struct VTimes {
  int downForward = 0, upForward = 0, upInput = 0, downInput = 0;
};

/// The times of a micro-batch that never waits: it moves on by a device per
/// unit. The next one is right behind it, or two units where a device also has
/// forwards on the way up to run. For up to D micro-batches no device has two
/// starts at a time.
VTimes withoutWaiting(int devices, int rank, int microbatch);

/// A device's list: the starts of all micro-batches by time. Units in which
/// nothing starts go to the weight gradient that has waited longest, if any.
std::vector<Action> listByTime(int devices, int rank,
                               const std::vector<VTimes> &times);

/// The list for so few micro-batches, at most D, that none need wait: their
/// activations must fit all at once, two for each. Idles D-1 for D of them.
std::vector<Action> shortList(int devices, int rank, int count);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_ONEV_H
