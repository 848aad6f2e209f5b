//===- Flow.h - What the runs of a micro-batch read of each other -*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_FLOW_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_FLOW_H

#include "lib/Transforms/Schedule/Core/Effects.h"

namespace bitpipe::schedule {

/// The runs of one micro-batch by numbers, each behind those that make what it reads: the
/// forwards, recomputations if there are any, input gradients or whole backwards, and weight
/// gradients if these run alone. All micro-batches have the same, as Effects.h says, but for
/// their devices.
struct Flow {
  Flow(const Placement &placement, bool split);

  /// Other runs by their numbers: at most one of another stage and one of the same.
  class Neighbours {
  public:
    void add(int run) { list[count++] = run; }
    size_t size() const { return count; }
    const int *begin() const { return list; }
    const int *end() const { return list + count; }

  private:
    int list[2];
    size_t count = 0;
  };
  struct Run {
    Kind kind;
    int stage;
    /// What makes what it reads, and what reads what it makes.
    Neighbours makers, readers;
    /// Whether it is the first that holds memory of its stage, and the last.
    bool takes = false, gives = false;
  };
  std::vector<Run> runs;
  /// By stage, the numbers of the forward and of what makes the gradient of its input.
  std::vector<int> forwards, gradients;
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_FLOW_H
