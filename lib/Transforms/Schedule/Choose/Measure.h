//===- Measure.h - Schedules of one model in one unit ------------*- C++ -*-===//
//
// What --compare and --pipeline=auto put side by side is the same model for every
// schedule, in whatever number of stages that has.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CHOOSE_MEASURE_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CHOOSE_MEASURE_H

#include "lib/Transforms/Schedule/Families/Shared/Registry.h"
#include "lib/Transforms/Schedule/Simulate/Simulate.h"

namespace bitpipe::schedule {

/// Of how many stages a single cost is that of one, and in which weights and the limit
/// of activations are counted: 2D, whatever a schedule has.
inline int commonStages(const Request &request) { return 2 * request.devices; }

/// Costs of the common number of stages for the placement of a request (recut), of its
/// micro-batches (withSamples), where devices
/// keep slices of their state if it says so.
Costs ownCosts(const Costs &costs, const Request &request, const Placement &placement);

/// The request with costs and limit of the number of stages that it has.
Request inOwnStages(Request request, const Placement &placement);

/// The schedule of such a request, simulated; with a sharded optimizer as a step that has
/// one, where costs tell what updates take.
ErrorOr<Simulated> measure(const Request &request);

/// What an iteration takes: as a step of many if costs tell what updates take, with its
/// gradient sums in any case.
double stepTime(const Simulated &simulated);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CHOOSE_MEASURE_H
