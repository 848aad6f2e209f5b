//===- SteadyStep.h - How long a step of many takes --------------*- C++ -*-===//
//
// An iteration begins with all devices at rest. In a training steps follow each
// other: every device updates once all have agreed on the gradient norm, and then
// begins the next step, whichever others are still updating.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_STEADYSTEP_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_STEADYSTEP_H

#include "lib/Transforms/Schedule/Core/Program.h"
#include "lib/Transforms/Schedule/Simulate/Simulate.h"

namespace bitpipe::schedule {

/// From one gradient norm to the next, which is the time of a step. The order is
/// that of the program and comes to its end; the program must have passed check().
double steadyStep(const Program &program, const Order &order, const Costs &costs);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_STEADYSTEP_H
