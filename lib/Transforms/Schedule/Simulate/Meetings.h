//===- Meetings.h - What devices do together within an iteration --*- C++ -*-===//
//
// What all holders of a group do together: gather and scatter slices of a stage, and sum
// gradients for an update between micro-batches. A device starts one when it reaches it in its
// list, and goes on, or waits where the update follows. It begins when all have started it and are
// done with their earlier ones. Slices take half of a gradient sum, of which they are a half; a
// gather of fewer bytes, less.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_MEETINGS_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_MEETINGS_H

#include "lib/Transforms/Schedule/Simulate/Simulate.h"

#include <deque>

namespace bitpipe::schedule {

class Meetings {
public:
  /// `free` is when each device can begin its first one; empty: at 0.
  Meetings(std::vector<Group> groups, int devices, const Costs &costs, std::vector<double> free);

  const std::vector<Group> &all() const { return groups; }

  /// A device has come to the action at that position of its list, which gathers (A), scatters
  /// (S) or is an update (U) that wants the sum of a group.
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
  };
  bool isNext(int device, Kind kind, int group) const;
  void complete(Kind kind, int group);
  double durationOf(Kind kind, const Group &group) const;

  const Costs &costs;
  std::vector<Group> groups;
  std::vector<std::deque<Started>> started; // by device
  std::vector<double> free;
  std::vector<Done> done;
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_MEETINGS_H
