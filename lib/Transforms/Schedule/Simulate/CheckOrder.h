//===- CheckOrder.h - What must hold of an order -----------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_CHECKORDER_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_CHECKORDER_H

#include "lib/Transforms/Schedule/Core/Program.h"

#include <optional>

namespace bitpipe::schedule {

/// What an order from outside is held to before anything is derived from it or
/// shown of it: everything runs once, on the device of its route; the order does
/// not block, neither as it stands nor if the two runs of every pair wait for
/// each other's inputs, as they must to run at the same time; and the program
/// with its messages passes every check that a plan passes (Check.h).
std::optional<Error> checkOrder(const Schedule &schedule);

/// Pairs that are meant to run at the same time: a forward and a backward, of
/// which neither waits for the other, directly or through other devices.
std::optional<Error> checkPairs(const Placement &placement, const Order &order);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_CHECKORDER_H
