//===- SharedStages.h - Stages that several devices share ----------*- C++ -*-===//
//
// The devices of a stage take turns with the micro-batches, in 1F1B: a device has the devices
// from its stage on, divided by those of the stage and rounded up, under way. Where gradients are
// summed meanwhile the devices of a stage go on together. Between stages with a and b devices up to
// a + b - 2 gcd(a, b) micro-batches then wait for others, and are under way beside the rest on all
// stages before: so many keep the pipeline full, as schedule-updates-test finds.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_SHAREDSTAGES_H
#define BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_SHAREDSTAGES_H

#include "lib/Transforms/Schedule/Families/Shared/Request.h"

namespace bitpipe::schedule {

class SharedStages {
public:
  /// As Request::stageReplicas says, or one device for each stage. Fails unless these are the
  /// devices, with one chunk each.
  static ErrorOr<SharedStages> of(const Request &request);

  int stages() const { return int(replicas.size()); }
  bool isShared() const { return turnCount > 1; }
  /// The least number of micro-batches of which all devices of each stage have as many.
  int turns() const { return turnCount; }
  /// How many devices a stage has.
  int replicasOf(int stage) const { return replicas[stage]; }
  /// How many micro-batches each device of a stage has under way, by stage; and where gradients
  /// are summed meanwhile.
  std::vector<int> underWay() const;
  std::vector<int> underWayBesideSums() const;

  /// A route for every residue of the micro-batches, whose number must be a multiple of turns().
  ErrorOr<Placement> place(int microbatches) const;
  /// 1F1B on each device, with so many under way.
  Order order(int microbatches, const std::vector<int> &underWay) const;

private:
  std::vector<int> replicas;
  std::vector<int> first; // device of each stage, and behind them their number
  int turnCount = 1;
};

/// Says after how many micro-batches weights are updated where that is not asked for, and depends on
/// how many devices share stages.
void noteUpdates(const Request &request, Schedule &schedule);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_SHAREDSTAGES_H
