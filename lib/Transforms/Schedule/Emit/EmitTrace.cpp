//===- EmitTrace.cpp - A schedule for Perfetto -----------------------------===//

#include "lib/Transforms/Schedule/Core/MemoryWalk.h"
#include "lib/Transforms/Schedule/Core/Text.h"
#include "lib/Transforms/Schedule/Emit/Emit.h"
#include "lib/Transforms/Schedule/Emit/TimelineLegend.h"

#include <ostream>

using namespace bitpipe::schedule;

namespace {
/// Writes events of one process, one per line, with commas between them; a device
/// is a thread. One unit of time becomes a millisecond.
class Events {
public:
  Events(std::ostream &stream) : stream(stream) {}
  ~Events() { stream << "\n]}\n"; }

  std::ostream &next(const char *phase, size_t device) {
    // Viewers take process and thread 0 for none.
    stream << separator << "{\"ph\":\"" << phase << "\",\"pid\":1,\"tid\":"
           << device + 1;
    separator = ",\n";
    return stream;
  }

private:
  std::ostream &stream;
  // The head is how bitpipe knows its files (lib/Files/WrittenBy.h).
  const char *separator = "{\"otherData\":{\"written_by\":\"bitpipe\"},\"traceEvents\":[\n";
};
} // namespace

static void emitName(Events &events, const Placement &placement, size_t row,
                     const char *what, size_t device) {
  std::ostream &name = events.next("M", row);
  name << ",\"name\":\"thread_name\",\"args\":{\"name\":\"" << what << device;
  if (int replicas = placement.replicas(); replicas > 1)
    name << ", replica " << device * replicas / placement.devices();
  name << "\"}}";
  events.next("M", row) << ",\"name\":\"thread_sort_index\",\"args\":{"
                           "\"sort_index\":"
                        << row + 1 << "}}";
}

static void emitMessage(Events &events, const Simulated &simulated,
                        size_t device, size_t i, size_t id) {
  const auto &[schedule, costs, timing, use, sums, end, step, shards] = simulated;
  const Action &action = schedule.order[device][i];
  int to = receiver(schedule.placement, action);
  if (to < 0)
    return;
  const char *name = to == int(device)       ? "copy"
                     : isMove(action.kind) ? "move"
                                           : "message";
  events.next("s", device)
      << ",\"cat\":\"message\",\"name\":\"" << name << "\",\"id\":" << id
      << ",\"ts\":" << 1000 * timing.end[device][i] << "}";
  events.next("f", to)
      << ",\"cat\":\"message\",\"name\":\"" << name << "\",\"bp\":\"e\",\"id\":" << id
      << ",\"ts\":" << 1000 * timing.arrival[device][i] << "}";
}

static void emitMemory(Events &events, size_t device, double time,
                       double alive, const char *what) {
  events.next("C", device) << ",\"name\":\"" << what << device
                           << "\",\"ts\":" << 1000 * time
                           << ",\"args\":{\"alive\":" << alive << "}}";
}

/// What is alive on a device, or on its host.
static void emitMemoryOf(Events &events, const Simulated &simulated, size_t device,
                         Holder holder) {
  const auto &[schedule, costs, timing, use, sums, end, step, shards] = simulated;
  const char *what = holder == Holder::Host ? "activations on the host of device "
                                            : "activations of device ";
  double alive = 0;
  MemoryWalk walk(schedule.placement, costs, holder);
  for (size_t i = 0; i < schedule.order[device].size(); ++i) {
    MemoryChange change = walk.next(schedule.order[device][i]);
    if (change.taken > 0)
      emitMemory(events, device, timing.start[device][i], alive += change.taken, what);
    if (change.freed > 0)
      emitMemory(events, device, timing.end[device][i], alive -= change.freed, what);
  }
}

/// Beside the runs of each device, in a row of its own.
static void emitSums(Events &events, const Simulated &simulated) {
  const std::vector<SumTime> &gathers = simulated.timing.gathers;
  size_t devices = simulated.schedule.order.size();
  bool hasAny = !simulated.sums.empty() || !gathers.empty();
  for (size_t device = 0; device < devices && hasAny; ++device)
    emitName(events, simulated.schedule.placement, devices + device,
             gathers.empty() ? "sums of device " : "gathers and sums of device ", device);
  auto emit = [&](const SumTime &sum, const std::string &name, const char *category) {
    for (int device : sum.devices)
      events.next("X", devices + device)
          << ",\"name\":\"" << name << "\",\"cat\":\"" << category << "\",\"ts\":"
          << 1000 * sum.start << ",\"dur\":" << 1000 * (sum.end - sum.start)
          << "}";
  };
  for (const SumTime &gather : gathers)
    emit(gather, gatherText(gather), "gather");
  for (const SumTime &sum : simulated.sums)
    emit(sum, toString(sum), "sum");
}

void bitpipe::schedule::emitTrace(std::ostream &stream,
                                  const Simulated &simulated) {
  const auto &[schedule, costs, timing, use, sums, end, step, shards] = simulated;
  auto precision = stream.precision(12);
  Events events(stream);
  size_t id = 0;
  events.next("M", 0) << ",\"name\":\"process_name\",\"args\":{\"name\":"
                      << jsonText(schedule.name + ", 1 ms is " + costs.timeUnit)
                      << "}}";
  for (size_t device = 0; device < schedule.order.size(); ++device) {
    emitName(events, schedule.placement, device, "device ", device);
    for (size_t i = 0; i < schedule.order[device].size(); ++i) {
      const Action &action = schedule.order[device][i];
      double start = timing.start[device][i], end = timing.end[device][i];
      events.next("X", device)
          << ",\"name\":\"" << toString(action) << "\",\"cat\":\""
          << kindName(action.kind) << "\",\"ts\":" << 1000 * start
          << ",\"dur\":" << 1000 * (end - start)
          << ",\"args\":{\"stage\":" << action.stage
          << ",\"microbatch\":" << action.microbatch << "}}";
      emitMessage(events, simulated, device, i, id++);
    }
    emitMemoryOf(events, simulated, device, Holder::Device);
    if (use[device].peakOnHost > 0)
      emitMemoryOf(events, simulated, device, Holder::Host);
  }
  emitSums(events, simulated);
  stream.precision(precision);
}
