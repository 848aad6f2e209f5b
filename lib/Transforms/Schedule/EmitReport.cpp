//===- EmitReport.cpp - A schedule as tables -------------------------------===//

#include "lib/Transforms/Schedule/Bounds.h"
#include "lib/Transforms/Schedule/CSV.h"
#include "lib/Transforms/Schedule/Communicate.h"
#include "lib/Transforms/Schedule/Emit.h"
#include "lib/Transforms/Schedule/Sums.h"

#include <algorithm>
#include <cstdio>
#include <ostream>

using namespace bitpipe::schedule;

void bitpipe::schedule::emitSchedule(std::ostream &stream,
                                     const Schedule &schedule) {
  writeCSV(stream, schedule.order);
}

template <typename... Values>
static void line(std::ostream &stream, const char *format, Values... values) {
  char text[256];
  std::snprintf(text, sizeof(text), format, values...);
  stream << text;
}

/// Where the idle time comes from.
static void emitCauses(std::ostream &stream, const Simulated &simulated) {
  const auto &[schedule, costs, timing, use] = simulated;
  line(stream, "%-7s %10s %10s %10s  %s\n", "device", "fill", "waiting",
       "drain", "waits longest for");
  std::vector<IdleTime> idle =
      idleTimes(schedule.placement, schedule.order, timing);
  for (size_t device = 0; device < idle.size(); ++device) {
    line(stream, "%-7zu %10.6g %10.6g %10.6g", device, idle[device].fill,
         idle[device].waiting, idle[device].drain);
    if (idle[device].waitsFor >= 0)
      line(stream, "  device %d, %.6g", idle[device].waitsFor,
           idle[device].longest);
    stream << '\n';
  }
}

/// What the makespan hangs on, by kind of work.
static void emitCriticalPath(std::ostream &stream, const Simulated &simulated) {
  const auto &[schedule, costs, timing, use] = simulated;
  constexpr const char *names[] = {"forwards", "backwards", "input gradients",
                                   "weight gradients"};
  double work[4] = {}, total = 0;
  int count[4] = {}, messages = 0, device = -1;
  for (const Step &step :
       criticalPath(schedule.placement, schedule.order, timing)) {
    const Action &action = schedule.order[step.device][step.position];
    ++count[int(action.kind)];
    work[int(action.kind)] += costs.time(action);
    total += costs.time(action);
    messages += device >= 0 && device != step.device;
    device = step.device;
  }
  stream << "critical path:";
  for (int kind = 0; kind < 4; ++kind)
    if (count[kind])
      line(stream, " %d %s of %.6g,", count[kind], names[kind], work[kind]);
  // What is left over to rounding is no time.
  double rest = timing.makespan - total;
  line(stream, " %d messages of %.6g\n", messages,
       rest > 1e-9 * timing.makespan ? rest : 0.0);
}

/// How much of the gradient sums is not hidden behind the computing.
static void emitSums(std::ostream &stream, const Simulated &simulated) {
  const auto &[schedule, costs, timing, use] = simulated;
  if (costs.sum == 0)
    return;
  ErrorOr<Program> program = communicate(schedule, {}, costs);
  if (!program)
    return;
  std::vector<SumTime> sums = simulateSums(*program, timing, costs);
  double end = timing.makespan;
  int hidden = 0;
  for (const SumTime &sum : sums) {
    end = std::max(end, sum.end);
    hidden += sum.end <= timing.makespan;
  }
  line(stream, "gradient sums: %zu of %.6g, %d done within the makespan, the "
               "last %.6g after it\n",
       sums.size(), costs.sum, hidden, end - timing.makespan);
}

void bitpipe::schedule::emitReport(std::ostream &stream,
                                   const Simulated &simulated) {
  const auto &[schedule, costs, timing, use] = simulated;
  const Placement &placement = schedule.placement;
  stream << "schedule " << schedule.name << ", " << placement.devices()
         << " devices, " << placement.stages() << " stages, "
         << placement.microbatches() << " micro-batches\n";
  line(stream, "%-7s %10s %10s %8s %12s %8s %9s\n", "device", "work", "idle",
       "bubble", "activations", "weights", "messages");
  double peak = 0;
  int weights = 0, messages = 0;
  for (size_t device = 0; device < use.size(); ++device) {
    const DeviceUse &row = use[device];
    line(stream, "%-7zu %10.6g %10.6g %7.2f%% %12.6g %8d %9d\n", device,
         row.work, row.idle, 100 * row.idle / timing.makespan,
         row.peakActivation, row.weights, row.messages);
    peak = std::max(peak, row.peakActivation);
    weights = std::max(weights, row.weights);
    messages += row.messages;
  }
  Bounds bound = bounds(simulated);
  line(stream, "makespan %.6g, lower bound %.6g (%.6g in the same memory), "
               "bubble %.2f%%, peak activations %.6g, weights of %d stages, "
               "%d messages\n",
       timing.makespan, bound.anyMemory, bound.sameMemory,
       100 * bubble(use, timing), peak, weights, messages);
  emitCauses(stream, simulated);
  emitCriticalPath(stream, simulated);
  emitSums(stream, simulated);
}
