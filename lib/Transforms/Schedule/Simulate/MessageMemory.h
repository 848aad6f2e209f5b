//===- MessageMemory.h - What messages hold on each device -------*- C++ -*-===//
//
// A message that has come is read where it lies, by the forward alone or by gradients, too;
// one that leaves stays until the sender knows that it has been received. Neither is part of
// what a stage saves. How long each is alive is what the layout of a plan's memory has
// (Lower/FinishMessages.cpp), for sizes that costs give.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_MESSAGEMEMORY_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_MESSAGEMEMORY_H

#include "lib/Transforms/Schedule/Core/Costs.h"
#include "lib/Transforms/Schedule/Core/Program.h"
#include "lib/Transforms/Schedule/Simulate/Simulate.h"

namespace bitpipe::schedule {

/// What each device needs for what stages hand on to each other, in the costs' unit of
/// sizes. Messages of one size take places that they share one after the other. Linear in the
/// instructions but for sorting.
std::vector<double> messageMemory(const Program &program, const Costs &costs);

/// How many messages are still on their way, by the times of its order, when a program may take
/// their memory again. It knows by then that they are received, not that they are there: a run that
/// takes the memory of such a one waits for it, of which these times know nothing.
size_t overtakenMessages(const Program &program, const Timing &timing, const Costs &costs);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_MESSAGEMEMORY_H
