//===- Communicate.h - Messages and gradient sums of an order ----*- C++ -*-===//
//
// The one place where messages, gradient sums and updates are made. They follow
// from the routes: a tensor whose reader is on another device is sent there,
// and the gradients of a group are summed over the devices that hold it.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_COMMUNICATE_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_COMMUNICATE_H

#include "lib/Transforms/Schedule/Core/Costs.h"
#include "lib/Transforms/Schedule/Core/Program.h"

namespace bitpipe::schedule {

/// Completes a schedule to one program per device. `ties` lists stages that
/// share parameters. Fails when the order blocks. The costs only decide how
/// early receives are posted and which gradient sums come first. Where
/// the placement shards, the devices that hold a group update a slice of it each.
ErrorOr<Program> communicate(const Schedule &schedule,
                             const std::vector<std::vector<int>> &ties = {},
                             const Costs &costs = {});

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_COMMUNICATE_H
