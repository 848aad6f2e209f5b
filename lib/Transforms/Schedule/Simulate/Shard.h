//===- Shard.h - Slices of gradients and parameters ---------------*- C++ -*-===//
//
// Devices that hold the same stages need not all hold everything (Rajbhandari et al., ZeRO, 2020). With slices of
// gradients each keeps a slice of the sums, and all of a stage's gradients only while it
// accumulates them. With slices of parameters it gathers the weights of a stage before they
// are needed, and drops them afterwards. How often that is depends on the order: breadth-first
// runs a stage for all micro-batches in a row (Lamy-Poirier, 2022). Like recomputation it is
// put in afterwards.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_SHARD_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_SHARD_H

#include "lib/Transforms/Schedule/Core/Costs.h"

namespace bitpipe::schedule {

/// Shards a finished order. Gradients of a stage are scattered behind its last weight gradient.
/// Weights are there while a device runs the stage, and while it runs the
/// one before, beside which they are gathered: those of the next stage that is another one
/// are always on their way or there, so that a device with one or two stages gathers each
/// once. Devices of one replica that hold the same stages, in two directions, do all this at one
/// time, by the costs: what one of them needs both have. Where the order has scatters or gathers of its own, from a file, they stay as they
/// are and are checked. Linear but for that time. Fails where gradients or parameters are to be sharded and a stage
/// is on one device alone, and where checkShardable does.
std::optional<Error> shard(Schedule &schedule, Shard shard, const Costs &costs);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_SHARD_H
