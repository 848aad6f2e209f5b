//===- Replicas.h - A pipeline several times beside itself -------*- C++ -*-===//
//
// Data parallelism: replicas of a pipeline, each on devices of its own and with a
// contiguous share of the micro-batches; or, where weights are updated between these, in turn, so
// that each group of them is shared out. They meet in the gradient sums alone, and
// these follow from the placement as all sums do: a stage has as many holders in
// every replica as in one.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CORE_REPLICAS_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CORE_REPLICAS_H

#include "lib/Transforms/Schedule/Core/Costs.h"

namespace bitpipe::schedule {

/// Replica r has the devices of `one` moved on by r times their number, and its
/// micro-batches likewise, or in turn with those of the others; the same stages recompute. With
/// updates between micro-batches these are after as many of each replica. Fails where that is too
/// large (Limits.h).
ErrorOr<Placement> replicate(const Placement &one, int replicas);

/// The order of `one`, whose placement is given, on each replica.
Order replicate(const Order &order, const Placement &one, int replicas);

/// Costs for an order that all replicas will have: of devices and links that are in
/// the same place of their replica the least memory, the most buffers and the slowest
/// link. The costs must be for `devices` devices, which `replicas` divides.
Costs costsOfOne(const Costs &costs, int devices, int replicas);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CORE_REPLICAS_H
