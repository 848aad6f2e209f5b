//===- Meetings.h - What devices do together within an iteration --*- C++ -*-===//
//
// What all holders of a group do together: gather and scatter slices of a stage, and sum
// gradients. A device starts one when it reaches it in its
// list, and goes on, or waits where an update between micro-batches follows. It begins when all have
// started it and are done with their earlier ones. Slices take half of a gradient sum, of which they
// are a half; a gather of fewer bytes, less.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_MEETINGS_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_MEETINGS_H

#include "lib/Transforms/Schedule/Core/CollectiveQueue.h"
#include "lib/Transforms/Schedule/Core/Costs.h"
#include "lib/Transforms/Schedule/Core/Program.h"
#include "lib/Transforms/Schedule/Simulate/SumTime.h"

namespace bitpipe::schedule {

class Meetings {
public:
  /// `free` is when each device can begin its first one; empty: at 0.
  Meetings(std::vector<Group> groups, int devices, const Costs &costs, std::vector<double> free);

  const std::vector<Group> &all() const { return groups; }

  /// A device has come to what stands at that position of its list: slices of a group are
  /// gathered (A), or summed and scattered, or gathered when they are updated (S), or its gradients
  /// are summed whole (U), as an update wants.
  void start(int device, Kind kind, int group, size_t position, double time);

  /// One that is complete.
  struct Done {
    Kind kind;
    SumTime time;
    std::vector<size_t> positions; // on each of its devices
  };
  /// Those that have become complete since it was asked last.
  std::vector<Done> take();

  /// What the device's first one that is not complete waits for: the member that has not come
  /// to it; -1 if there is none.
  int missingMember(int device) const;

private:
  struct Started {
    Kind kind;
    int group;
    size_t position;
    double time;

    bool isLike(const Started &other) const { return kind == other.kind && group == other.group; }
  };
  auto membersOf() const {
    return [this](const Started &one) -> const std::vector<int> & {
      return groups[one.group].devices;
    };
  }
  void complete(Kind kind, int group);
  double durationOf(Kind kind, const Group &group) const;

  const Costs &costs;
  std::vector<Group> groups;
  CollectiveQueue<Started> queue;
  std::vector<double> free;
  std::vector<Done> done;
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_MEETINGS_H
