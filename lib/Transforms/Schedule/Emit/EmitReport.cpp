//===- EmitReport.cpp - A schedule as tables -------------------------------===//

#include "lib/Transforms/Schedule/Check/Check.h"
#include "lib/Transforms/Schedule/Core/CSV.h"
#include "lib/Transforms/Schedule/Core/Text.h"
#include "lib/Transforms/Schedule/Emit/Emit.h"
#include "lib/Transforms/Schedule/Emit/Print.h"
#include "lib/Transforms/Schedule/Emit/ReportTimes.h"
#include "lib/Transforms/Schedule/Search/Bounds.h"
#include "lib/Transforms/Schedule/Simulate/Communicate.h"
#include "lib/Transforms/Schedule/Simulate/MessageMemory.h"
#include "lib/Transforms/Schedule/Simulate/Recompute.h"
#include "lib/Transforms/Schedule/Simulate/SteadyState.h"

#include <algorithm>
#include <set>
#include <utility>

using namespace bitpipe::schedule;

void bitpipe::schedule::emitSchedule(std::ostream &stream,
                                     const Schedule &schedule) {
  writeCSV(stream, schedule.order);
}

/// What devices keep for others, or hosts for them, and how much of it is away during a run.
static void emitMoves(std::ostream &stream, const Simulated &simulated) {
  const Schedule &schedule = simulated.schedule;
  for (size_t device = 0; device < schedule.order.size(); ++device) {
    int moved = 0, leaving = 0, away = 0, most = 0;
    std::set<int> keepers;
    for (const Action &action : schedule.order[device]) {
      away -= action.kind == Kind::L;
      if (action.kind == Kind::E) {
        ++moved;
        ++leaving;
        keepers.insert(schedule.placement.keeper(action.stage, action.microbatch));
      }
      if (isMove(action.kind))
        continue;
      most = std::max(most, away);
      away += std::exchange(leaving, 0);
    }
    if (!moved)
      continue;
    print(stream, "device %zu evicts %d activations, at most %d at a time, to", device, moved, most);
    if (double onHost = simulated.use[device].peakOnHost; onHost > 0) {
      print(stream, " its host, which keeps %.6g at most\n", onHost);
      continue;
    }
    for (int keeper : keepers)
      print(stream, "%s device %d", keeper == *keepers.begin() ? "" : ",", keeper);
    stream << '\n';
  }
}

/// How long sums keep the device busy that has most, beside what they would take if each held the
/// whole model.
static void emitSumTimes(std::ostream &stream, const Simulated &simulated) {
  const auto &[schedule, costs, timing, use, sums, end, step, shards] = simulated;
  std::vector<double> busy(schedule.order.size());
  for (const SumTime &sum : sums)
    for (int device : sum.devices)
      busy[device] += sum.end - sum.start;
  double alone = 0;
  for (int stage = 0; stage < schedule.placement.stages(); ++stage)
    alone += costs.sumOf({stage}, busy.size());
  print(stream, "sums of the device with most take %.6g, and end %.6g after the makespan; by data "
                "parallelism alone they would take %.6g\n",
        *std::max_element(busy.begin(), busy.end()), end - timing.makespan, alone);
}

/// How often slices travel, and what of it is not hidden behind the computing.
static void emitShards(std::ostream &stream, const Simulated &simulated) {
  const Placement &placement = simulated.schedule.placement;
  const Timing &timing = simulated.timing;
  if (!placement.scatters())
    return;
  auto totalOf = [](const std::vector<SumTime> &list) {
    double total = 0;
    for (const SumTime &one : list)
      total += one.end - one.start;
    return total;
  };
  print(stream, "sharded %s: %zu scatters of gradients taking %.6g in all",
        nameOf(placement.shard()), timing.scatters.size(), totalOf(timing.scatters));
  if (placement.gathers())
    print(stream, ", %zu gathers of weights taking %.6g", timing.gathers.size(),
          totalOf(timing.gathers));
  print(stream, ", of %d stages in an iteration", placement.stages());
  if (placement.gathers()) {
    stream << "; waits for gathers, by device:";
    for (const IdleTime &idle : idleTimes(placement, simulated.schedule.order, timing))
      print(stream, " %.6g", idle.gathering);
  }
  stream << '\n';
}

/// How much of the gradient sums is not hidden behind the computing.
static void emitSums(std::ostream &stream, const Simulated &simulated,
                     const Bounds &bound) {
  const auto &[schedule, costs, timing, use, sums, end, step, shards] = simulated;
  if (sums.empty())
    return;
  double total = 0;
  int hidden = 0;
  for (const SumTime &sum : sums) {
    total += sum.end - sum.start;
    hidden += sum.end <= timing.makespan;
  }
  print(stream, "gradient sums%s: %zu taking %.6g in all, %d done within the "
                "makespan; iteration %.6g, lower bound %.6g\n",
        shards ? ", of which each device gets a slice" : "", sums.size(), total, hidden,
        end, bound.iteration);
  emitSumTimes(stream, simulated);
}

/// What a step takes where others follow it, with norm and updates.
static void emitStep(std::ostream &stream, const Simulated &simulated) {
  const auto &[schedule, costs, timing, use, sums, end, step, shards] = simulated;
  if (costs.hasUpdates() && !simulated.schedule.placement.updates())
    print(stream, "step, one of many: %.6g, with gradient norm and updates, each "
                  "backward sending its message before its weight gradient\n",
          step);
}

/// The channels that messages go in, and what devices hold of messages at a time; their memory
/// where costs tell what there is.
static void emitBuffers(std::ostream &stream, const Simulated &simulated) {
  const auto &[schedule, costs, timing, use, sums, end, step, shards] = simulated;
  ErrorOr<Program> program = communicate(schedule, {}, costs);
  if (!program || program->channels.empty())
    return;
  std::vector<Held> held = mostHeld(*program, costs);
  print(stream, "messages in %zu channels; at most to be read, by device:", program->channels.size());
  for (const Held &own : held)
    stream << ' ' << own.receives;
  stream << "; sent and not known to be received:";
  for (const Held &own : held)
    stream << ' ' << own.sends;
  if (!costs.memory.empty()) {
    stream << "; they take";
    for (double size : messageMemory(*program, costs))
      print(stream, " %.6g", size);
  }
  stream << '\n';
  if (size_t count = overtakenMessages(*program, timing, costs))
    print(stream, "busy links: %zu messages are still on their way when their senders may take their "
                  "memory again, for which runs of a plan may wait; these times do not\n", count);
}

/// What devices hold at most beside what they may, where costs tell.
static void emitMemory(std::ostream &stream, const Simulated &simulated) {
  const auto &[schedule, costs, timing, use, sums, end, step, shards] = simulated;
  bool hasState = std::any_of(use.begin(), use.end(), [](const DeviceUse &row) {
    return row.state > 0;
  });
  if (!hasState && costs.memory.empty())
    return;
  print(stream, "%-7s %12s %12s %12s %12s\n", "device", "state", "activations",
        "together", "memory");
  for (size_t device = 0; device < use.size(); ++device) {
    const DeviceUse &row = use[device];
    print(stream, "%-7zu %12.6g %12.6g %12.6g", device, row.state,
          row.peakActivation, row.state + row.peakActivation);
    if (costs.memory.empty())
      print(stream, " %12s\n", "any");
    else
      print(stream, " %12.6g\n", costs.memory[device]);
  }
}

/// Schedules with different numbers of stages are only comparable in a unit of
/// the model: that of --compare.
static void emitCommonUnit(std::ostream &stream, const Simulated &simulated,
                           double bound) {
  const auto &[schedule, costs, timing, use, sums, end, step, shards] = simulated;
  int base = 2 * schedule.placement.devices();
  int stages = schedule.placement.stages();
  if (costs.stages.size() > 1 || costs.hasMessages() || stages == base)
    return;
  double factor = double(base) / stages, peak = 0;
  for (const DeviceUse &row : use)
    peak = std::max(peak, row.peakActivation);
  print(stream, "as --compare counts, in stages of 1/%d of the model: makespan %.6g, lower bound %.6g, peak activations %.6g\n",
        base, factor * timing.makespan, factor * bound, factor * peak);
}

/// How the devices are shared out where there are several pipelines, and when each of
/// these is done: at one time where devices and links are alike.
static void emitReplicas(std::ostream &stream, const Simulated &simulated) {
  const auto &[schedule, costs, timing, use, sums, end, step, shards] = simulated;
  const Placement &placement = schedule.placement;
  int replicas = placement.replicas();
  if (replicas == 1)
    return;
  size_t devices = placement.devices() / replicas;
  std::vector<double> ends(replicas);
  for (size_t device = 0; device < timing.end.size(); ++device)
    if (!timing.end[device].empty())
      ends[device / devices] =
          std::max(ends[device / devices], timing.end[device].back());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  print(stream, "%d replicas, each of %zu devices with %d micro-batches, done by",
        replicas, devices, placement.microbatches() / replicas);
  for (size_t i = 0; i < ends.size(); ++i)
    print(stream, "%s %.6g", i ? "," : "", ends[i]);
  stream << '\n';
}

/// What all devices send in a step, where costs tell sizes, beside what as many would that each
/// hold the whole model.
static void emitSent(std::ostream &stream, const Simulated &simulated) {
  const Placement &placement = simulated.schedule.placement;
  double weights = 0, messages = 0, sums = 0, gathers = 0;
  int updates = placement.updates() ? groupCount(placement) : 1;
  for (int stage = 0; stage < placement.stages(); ++stage) {
    double own = simulated.costs.stage(stage).gradientSize();
    if (own <= 0)
      return;
    // Each of K devices sends (K-1)/K of the gradients twice, or once beside gathers.
    sums += updates * (placement.gathers() ? 1 : 2) * double(placement.holders(stage).size() - 1) * own;
    weights += own;
  }
  for (const SumTime &gather : simulated.timing.gathers)
    gathers += double(gather.devices.size() - 1) * simulated.costs.stage(gather.group).gatheredSize();
  for (size_t device = 0; device < simulated.schedule.order.size(); ++device)
    for (const Action &action : simulated.schedule.order[device])
      if (int to = receiver(placement, action); to >= 0 && to != int(device))
        messages += simulated.costs.messageSize(action);
  double alone = 2 * double(placement.devices() - 1) * weights;
  print(stream, "sent in a step: messages %.6g, sums of gradients %.6g", messages, sums);
  if (placement.gathers())
    print(stream, ", gathers of weights %.6g", gathers);
  print(stream, "; by data parallelism alone %.6g, of which this is %.3g%%\n", alone,
        alone > 0 ? 100 * (messages + sums + gathers) / alone : 0.0);
}

/// Versions of the weights, and what goes on between fill and drain.
static void emitUpdates(std::ostream &stream, const Simulated &simulated) {
  const Updates &updates = simulated.schedule.placement.updates();
  if (!updates)
    return;
  print(stream, "updates after every %d micro-batches; versions of the weights, by stage:",
        updates.every);
  for (int versions : updates.versions)
    stream << ' ' << versions;
  std::optional<SteadyState> steady =
      steadyState(simulated.schedule, simulated.timing, simulated.costs);
  if (!steady) {
    stream << "\nsteady state: none between fill and drain, expected more micro-batches\n";
    return;
  }
  print(stream, "\nsteady state, per micro-batch: period %.6g, bound %.6g, idle by device:",
        steady->period, steady->bound);
  for (double idle : steady->idle) // What is left over to rounding is no time.
    print(stream, " %.6g", idle > 1e-9 * steady->period ? idle : 0.0);
  stream << "; fill and drain come once in an iteration\n";
}

static const char *originText(Origin origin) {
  switch (origin) {
  case Origin::Unknown:
    return "";
  case Origin::Rule:
    return ", ordered by the rule of that name";
  case Origin::Solver:
    return ", ordered by search";
  case Origin::File:
    return ", in the order of the file";
  }
  return "";
}

void bitpipe::schedule::emitReport(std::ostream &stream,
                                   const Simulated &simulated) {
  const auto &[schedule, costs, timing, use, sums, end, step, shards] = simulated;
  const Placement &placement = schedule.placement;
  stream << "schedule " << oneLine(schedule.name) << ", "
         << placement.devices() << " devices, " << placement.stages()
         << " stages, " << placement.microbatches() << " micro-batches"
         << originText(schedule.origin) << '\n';
  emitReplicas(stream, simulated);
  stream << "times in " << oneLine(costs.timeUnit) << "; activations in "
         << oneLine(costs.sizeUnit) << "; weights and moments in stages; a stage is 1/"
         << placement.stages() << " of the model\n";
  if (placement.recomputes())
    stream << "recomputed stages: " << toString(placement.recomputedStages()) << '\n';
  if (!schedule.note.empty())
    stream << oneLine(schedule.note) << '\n';
  print(stream, "%-7s %10s %10s %8s %12s %8s %8s %9s\n", "device", "work", "idle",
        "bubble", "activations", "weights", "moments", "messages");
  double peak = 0, weights = 0;
  int messages = 0;
  for (size_t device = 0; device < use.size(); ++device) {
    const DeviceUse &row = use[device];
    print(stream, "%-7zu %10.6g %10.6g %7.2f%% %12.6g %8.4g %8.4g %9d\n", device,
          row.work, row.idle, 100 * row.idle / timing.makespan,
          row.peakActivation, row.weights, row.moments, row.messages);
    peak = std::max(peak, row.peakActivation);
    weights = std::max(weights, row.weights);
    messages += row.messages;
  }
  Bounds bound = bounds(simulated);
  print(stream, "makespan %.6g, lower bound %.6g (%.6g in the same memory), "
                "bubble %.2f%%, peak activations %.6g, weights of %.4g stages, "
                "%d messages\n",
        timing.makespan, bound.anyMemory, bound.sameMemory,
        100 * bubble(use, timing), peak, weights, messages);
  emitCommonUnit(stream, simulated, bound.anyMemory);
  emitPairs(stream, simulated);
  emitMoves(stream, simulated);
  emitCauses(stream, simulated);
  emitCriticalPath(stream, simulated);
  emitLinks(stream, simulated);
  emitBuffers(stream, simulated);
  emitShards(stream, simulated);
  emitSums(stream, simulated, bound);
  emitSent(stream, simulated);
  emitUpdates(stream, simulated);
  emitStep(stream, simulated);
  emitMemory(stream, simulated);
}
