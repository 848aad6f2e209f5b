//===- Recompute.h - Stages that recompute what they save --------*- C++ -*-===//
//
// Recomputation trades time for memory (Chen et al., Training Deep Nets with Sublinear
// Memory Cost, 2016): a forward keeps only what it has read, and what it would have saved
// is computed again before the gradient needs it. It is a matter of single stages and not
// of an order: whatever made the order, it is put in afterwards.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_RECOMPUTE_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_RECOMPUTE_H

#include "lib/Transforms/Schedule/Core/Costs.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace bitpipe::schedule {

/// Which stages recompute, one entry per stage.
using StageSet = std::vector<bool>;

/// Reads `none`, `all`, or a list such as `0,2-3`. Fails where it names a stage that
/// there is not, or one twice.
ErrorOr<StageSet> parseStageSet(const std::string &text, int stages);

/// `0,2-3`, or `none`.
std::string toString(const StageSet &stages);

/// Puts the recomputations of these stages into a finished order without any: each right
/// in front of its gradient, or of the pair that the gradient is in, so that it goes on
/// while the gradient's message is awaited, and what it makes is alive as short as can be.
/// Linear. An order that runs still does: a recomputation reads nothing of other devices.
/// Where the order evicts what these stages save, it does so no more, and the note says so.
void recompute(Schedule &schedule, const StageSet &stages);

/// Does so for the stages that a text names; empty: leaves the schedule alone. Fails
/// where the text is wrong, and where the order has recomputations of other stages.
std::optional<Error> recompute(Schedule &schedule, const std::string &text);

/// What a device needs where some stages recompute, where that is known better than from
/// the costs.
using KnownMemory = std::function<double(int device, const StageSet &stages)>;

/// None where that fits, else the stages of which recomputing makes the iteration longest
/// by least while each device holds, with its state, no more than its memory in the costs;
/// of equally long ones those that hold least on the device that holds most. Of all sets,
/// where these are few enough to try (see RecomputeSets.cpp); else of those that are met
/// where one is grown and shrunk. Nothing if no set of these fits. The order must have no
/// recomputation, and run.
std::optional<StageSet> chooseRecomputed(const Schedule &schedule, const Costs &costs,
                                         const KnownMemory &known = {});

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_RECOMPUTE_H
