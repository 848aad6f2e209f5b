//===- Balance.h - Activations that move to where there is room --*- C++ -*-===//
//
// Kim et al., BPipe: Memory-Balanced Pipeline Parallelism, ICML 2023. A device that holds
// more activations than another one evicts some of them to that one and loads them back
// before their gradients. Like recomputation it is put into a finished order, whatever made
// that: see Balancer.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_BALANCE_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_BALANCE_H

#include "lib/Transforms/Schedule/Simulate/Balancer.h"

#include <optional>

namespace bitpipe::schedule {

/// Lets each heavy device evict so much that it and its partner hold no more than `most`
/// activations, whatever their sizes; a device is in one pair at most. Fails where
/// some pair cannot, or the order runs no more. Pairs that hold no more as it is are left.
std::optional<Error> evict(Schedule &schedule, const Costs &costs,
                           const std::vector<Partners> &pairs, double most);

/// Pairs of heaviest and lightest device by what they hold at most, then of the second ones,
/// and so on: the least that each of them can do with is found, and all then hold no more than
/// the one that needs most. Pairs that hold no more are left. The schedule's note says what was
/// done. Where the order moves activations already that says that nothing is. Fails where it blocks.
std::optional<Error> balance(Schedule &schedule, const Costs &costs);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_BALANCE_H
