//===- Tasks.h - The actions of a problem, numbered --------------*- C++ -*-===//
//
// Search works on one number per action. This is the numbering, and the way
// between numbers and orders.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_TASKS_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_TASKS_H

#include "lib/Transforms/Schedule/Search/Problem.h"

namespace bitpipe::schedule {

/// A number for every action of a problem, by Tasks::index.
using Priorities = std::vector<double>;

/// The actions of a problem, numbered. Of each micro-batch first the forwards,
/// then the input gradients (or whole backwards) in the order in which they run,
/// then the weight gradients if they run alone.
class Tasks {
public:
  explicit Tasks(const Problem &problem)
      : stages(problem.placement.stages()),
        microbatches(problem.placement.microbatches()), split(problem.split) {}

  size_t count() const { return size_t(perMicrobatch()) * microbatches; }
  int perMicrobatch() const { return (split ? 3 : 2) * stages; }
  size_t index(Kind kind, int stage, int microbatch) const {
    int at = kind == Kind::F   ? stage
             : kind == Kind::W ? 2 * stages + stage
                               : 2 * stages - 1 - stage;
    return size_t(microbatch) * perMicrobatch() + at;
  }
  Action action(size_t task) const;

private:
  int stages, microbatches;
  bool split;
};

/// What list scheduling made.
struct Pass {
  /// Per task, when it starts: from the start of the iteration, whatever the
  /// direction.
  std::vector<double> start;
  /// The tasks in the order in which they were scheduled.
  std::vector<size_t> sequence;
  double makespan = 0;
  /// False if memory ran out with nothing left to free it.
  bool complete = false;
};

/// When each action has to start at the latest, so that none ends after the
/// pass, in the order of its devices.
Priorities latestStarts(const Problem &problem, const Pass &pass);

/// The order of a pass.
Order orderOf(const Problem &problem, const Pass &pass);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_TASKS_H
