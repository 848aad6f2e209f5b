//===- Shard.h - Slices of gradients and parameters ---------------*- C++ -*-===//
//
// Replicas need not all hold everything (Rajbhandari et al., ZeRO, 2020). With slices of
// gradients each keeps a slice of the sums, and all of a stage's gradients only while it
// accumulates them. With slices of parameters it gathers the weights of a stage before they
// are needed, and drops them afterwards. How often that is depends on the order: breadth-first
// runs a stage for all micro-batches in a row (Lamy-Poirier, 2022). Like recomputation it is
// put in afterwards.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_SHARD_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_SHARD_H

#include "lib/Transforms/Schedule/Core/Schedule.h"

namespace bitpipe::schedule {

/// Shards a finished order. Gradients of a stage are scattered behind its last weight gradient
/// on the device. Weights are there while the device runs the stage, and while it runs the
/// one before, beside which they are gathered: those of the next stage that is another one
/// are always on their way or there, so that a device with one or two stages gathers each
/// once. Where the order has scatters or gathers of its own, from a file, they stay as they
/// are and are checked. Linear. Fails where gradients or parameters are to be sharded and there
/// are no replicas, and where checkShardable does.
std::optional<Error> shard(Schedule &schedule, Shard shard);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_SHARD_H
