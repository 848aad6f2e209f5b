//===- Recorder.h - Where a device's time goes ----------------------------===//
//
// One per device, used by its thread alone. Time by kind of work is always
// kept; with tracing every piece of work is an event, in memory that is
// allocated before step 1.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_EXECUTE_RECORDER_H
#define BITPIPE_RUNTIME_EXECUTE_RECORDER_H

#include <chrono>
#include <cstdint>
#include <vector>

namespace bitpipe {

using Nanoseconds = int64_t;

inline Nanoseconds now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

struct TraceEvent {
  uint32_t category, label;
  Nanoseconds begin, end;
};

class Recorder {
public:
  /// `events` is how many of them to keep; the first ones are.
  Recorder(size_t categories, size_t instructions, size_t events)
      : totals(categories), byInstruction(instructions), kept(events) {}

  void add(uint32_t category, uint32_t label, Nanoseconds begin,
           Nanoseconds end) {
    totals[category] += end - begin;
    addEvent(category, label, begin, end);
  }
  /// An event that encloses others, whose time is already counted.
  void addEvent(uint32_t category, uint32_t label, Nanoseconds begin,
                Nanoseconds end) {
    if (count < kept.size())
      kept[count++] = {category, label, begin, end};
  }

  /// Time of an instruction, without what it waited.
  void addInstruction(size_t instruction, Nanoseconds time) {
    byInstruction[instruction] += time;
  }

  Nanoseconds timeOf(uint32_t category) const { return totals[category]; }
  const std::vector<Nanoseconds> &timeByCategory() const { return totals; }
  const std::vector<Nanoseconds> &timeByInstruction() const {
    return byInstruction;
  }
  /// Forgets the time of the steps so far, which warmed up.
  void resetTotals() {
    totals.assign(totals.size(), 0);
    byInstruction.assign(byInstruction.size(), 0);
  }
  const TraceEvent *begin() const { return kept.data(); }
  const TraceEvent *end() const { return kept.data() + count; }
  bool full() const { return count == kept.size(); }

private:
  std::vector<Nanoseconds> totals, byInstruction;
  std::vector<TraceEvent> kept;
  size_t count = 0;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_EXECUTE_RECORDER_H
