//===- Placing.h - Times by which actions are put into an order --*- C++ -*-===//
//
// Moves, gathers, drops and scatters are put between the runs of a finished order, where they are by
// time. A run that takes no time would seem to start together with what waits for it; so for that
// no run is shorter than a small part of the longest, and no forward has nothing to do.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_PLACING_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_PLACING_H

#include "lib/Transforms/Schedule/Core/Costs.h"

namespace bitpipe::schedule {

Costs forPlacing(const Costs &costs);
Placement forPlacing(const Placement &placement);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_PLACING_H
