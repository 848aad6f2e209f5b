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
/// they are done. The program must have passed check().
std::vector<SumTime> simulateSums(const Program &program, const Timing &timing,
                                  const Costs &costs);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_SUMS_H
