//===- Offload.h - Activations that the host keeps for a while ----*- C++ -*-===//
//
// BPipe's eviction with the host as partner (Balance.h): a device that would hold more
// activations than it may copies some to its host's memory behind their forwards, and back
// before their gradients, beside its runs. Which ones is decided as for a partner
// (Balancer.cpp); the host has room for all and starts its end of a copy when the device
// does, so nothing has to be placed in another list.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_OFFLOAD_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_OFFLOAD_H

#include "lib/Transforms/Schedule/Core/Costs.h"

#include <optional>

namespace bitpipe::schedule {

/// Lets no device hold more than `most` activations of a mean stage, and leaves those that
/// hold no more. The schedule's note says what was done. Fails where a device cannot do
/// with so much, and where the order moves activations already, updates weights between
/// micro-batches, or blocks. Errors count an activation as `counted`.
std::optional<Error> offload(Schedule &schedule, const Costs &costs, double most,
                             double counted = 1);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_OFFLOAD_H
