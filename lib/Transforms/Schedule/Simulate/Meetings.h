//===- Meetings.h - When slices are gathered and scattered --------*- C++ -*-===//
//
// What all holders of a stage do together. A device starts one when it reaches it in its
// list and goes on. It begins when all have started it and are done with their earlier
// ones, and takes half of a gradient sum, of which it is a half; a gather of fewer bytes, less.
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
  Meetings(const Placement &placement, const Costs &costs, std::vector<double> free);

  /// A device has come to one, the action at that position of its list.
  void start(int device, const Action &action, size_t position, double time);

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
    int stage;
    size_t position;
    double time;
  };
  bool isNext(int device, Kind kind, int stage) const;
  void complete(Kind kind, int stage);

  const Costs &costs;
  std::vector<std::vector<int>> holders; // by stage
  std::vector<std::deque<Started>> started; // by device
  std::vector<double> free;
  std::vector<Done> done;
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_MEETINGS_H
