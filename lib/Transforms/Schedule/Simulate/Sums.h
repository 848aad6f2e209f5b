//===- Sums.h - When gradients are summed ------------------------*- C++ -*-===//
//
// Gradient sums go on beside the computing: a device starts one when it reaches
// it in its list and computes on. A sum begins when all its members have
// started it and are done with their earlier ones.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_SUMS_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_SUMS_H

#include "lib/Transforms/Schedule/Core/Program.h"
#include "lib/Transforms/Schedule/Simulate/Simulate.h"

namespace bitpipe::schedule {

/// The sums of a program whose runs have the given times, in the order in which
/// they are done, with those that are actions of the order; where updates between micro-batches
/// wait for sums, those of the timing. The program must have passed check(). Sums of groups that are updated
/// in slices take half as long. `free` is when each device is done with what it gathers
/// of the step before; empty: at 0.
std::vector<SumTime> simulateSums(const Program &program, const Timing &timing,
                                  const Costs &costs, std::vector<double> free = {});

/// The unshards of a program, given when each device has updated each group: [device]
/// [group]. They take the other half.
std::vector<SumTime> simulateUnshards(const Program &program,
                                      const std::vector<std::vector<double>> &updated,
                                      const Costs &costs);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_SUMS_H
