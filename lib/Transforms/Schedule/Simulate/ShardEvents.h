//===- ShardEvents.h - When slices are gathered and scattered ----*- C++ -*-===//
//
// Devices that hold the same stages gather, drop and scatter them together, so each of them
// must come to the same of these in the same order, whatever its own list runs meanwhile.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_SHARDEVENTS_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_SHARDEVENTS_H

#include "lib/Transforms/Schedule/Core/Schedule.h"

namespace bitpipe::schedule {

/// What a device runs at one place of its list: a run, or a pair at the same time.
struct Turn {
  size_t begin, end;   // in the list
  double starts, ends; // in any time in which all that a turn waits for ends before it starts
};

/// A gather, drop or scatter of a stage, on all devices that hold it: behind what starts before
/// `time`, and before what starts then.
struct ShardEvent {
  Kind kind;
  int stage;
  double time;
};

/// The turns of a device, if its actions start and end at these times.
std::vector<Turn> turnsOf(const std::vector<Action> &list, const std::vector<double> &start,
                          const std::vector<double> &end);

/// One of several devices that share stages.
struct ShardList {
  const std::vector<Action> *list;
  std::vector<Turn> turns;
};

/// The events of devices that share stages, in their order. A stage is there while any of them
/// runs it, and from when one of them runs what comes before it. Gradients are scattered behind
/// the last of them.
std::vector<ShardEvent> shardEvents(const std::vector<ShardList> &devices, int stages,
                                    bool gathers, bool scatters);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_SHARDEVENTS_H
