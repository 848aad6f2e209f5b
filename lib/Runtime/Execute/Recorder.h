//===- Recorder.h - Where a device's time goes ----------------------------===//
//
// One per device, used by its thread alone. Time by kind of work is always
// kept, and of the last steps when every instruction began and ended; with tracing
// every piece of work is an event. All memory is allocated before step 1.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_EXECUTE_RECORDER_H
#define BITPIPE_RUNTIME_EXECUTE_RECORDER_H

#include "lib/Runtime/Execute/Clock.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace bitpipe {

struct TraceEvent {
  uint32_t category, label;
  Nanoseconds begin, end;
};

/// An instruction or a part of a sum, in one step: when it began, after all that it
/// waited for before its work, and ended, and how long its work took.
struct TimedWork {
  Nanoseconds begin, end, work;
};

/// A step of a device: from the end of the step before to its own.
struct StepTime {
  Nanoseconds begin, end, waited;
};

/// How much was copied between a device and its host in how much time, without what warmed
/// up.
struct CopyRate {
  int64_t bytes = 0;
  Nanoseconds time = 0;
};

class Recorder {
public:
  /// `events` is how many of them to keep; the first ones are.
  Recorder(size_t categories, size_t instructions, size_t events)
      : totals(categories), instructions(instructions),
        keptSteps(std::clamp<size_t>(mostKept / std::max<size_t>(instructions, 1),
                                     1, mostSteps)),
        times(keptSteps * instructions), steps(keptSteps), kept(events) {}

  /// Whether what comes is left out, as of an evaluation.
  void leaveOut(bool isLeftOut) { leavesOut = isLeftOut; }

  void add(uint32_t category, uint32_t label, Nanoseconds begin,
           Nanoseconds end) {
    if (leavesOut)
      return;
    totals[category] += end - begin;
    addEvent(category, label, begin, end);
  }
  /// An event that encloses others, whose time is already counted.
  void addEvent(uint32_t category, uint32_t label, Nanoseconds begin,
                Nanoseconds end) {
    if (count < kept.size() && !leavesOut)
      kept[count++] = {category, label, begin, end};
  }

  void addInstruction(size_t instruction, TimedWork time) {
    if (!leavesOut)
      times[done % keptSteps * instructions + instruction] = time;
  }
  void addStep(StepTime time) {
    if (leavesOut)
      return;
    steps[done % keptSteps] = time;
    ++done;
  }

  /// Those that are not left out.
  size_t stepsDone() const { return done; }
  Nanoseconds timeOf(uint32_t category) const { return totals[category]; }
  const std::vector<Nanoseconds> &timeByCategory() const { return totals; }
  /// How many of the last steps are kept. The first one, which warms up, is not if
  /// there are others.
  size_t stepsKept() const {
    return std::min(keptSteps, done > 1 ? done - 1 : done);
  }
  /// Of a kept step, counted back from the last, which is 0.
  const StepTime &step(size_t back) const {
    return steps[(done - 1 - back) % keptSteps];
  }
  const TimedWork &instruction(size_t back, size_t number) const {
    return times[(done - 1 - back) % keptSteps * instructions + number];
  }
  /// Forgets the totals of the steps so far, which warmed up.
  void resetTotals() { totals.assign(totals.size(), 0); }
  const TraceEvent *begin() const { return kept.data(); }
  const TraceEvent *end() const { return kept.data() + count; }
  bool full() const { return count == kept.size(); }

private:
  static constexpr size_t mostSteps = 64, mostKept = 1 << 20;

  std::vector<Nanoseconds> totals;
  size_t instructions, keptSteps;
  std::vector<TimedWork> times; // by step, modulo those kept, and instruction
  std::vector<StepTime> steps;
  size_t done = 0; // steps
  bool leavesOut = false;
  std::vector<TraceEvent> kept;
  size_t count = 0; // events
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_EXECUTE_RECORDER_H
