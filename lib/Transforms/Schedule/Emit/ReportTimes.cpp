//===- ReportTimes.cpp - Where the time of a schedule goes -----------------===//

#include "lib/Transforms/Schedule/Emit/ReportTimes.h"

#include "lib/Transforms/Schedule/Emit/Print.h"

#include <map>

using namespace bitpipe::schedule;

void bitpipe::schedule::emitCauses(std::ostream &stream, const Simulated &simulated) {
  const auto &[schedule, costs, timing, use, sums, end, step, shards] = simulated;
  print(stream, "%-7s %10s %10s %10s  %s\n", "device", "fill", "waiting",
        "drain", "waits longest for");
  std::vector<IdleTime> idle =
      idleTimes(schedule.placement, schedule.order, timing);
  for (size_t device = 0; device < idle.size(); ++device) {
    print(stream, "%-7zu %10.6g %10.6g %10.6g", device, idle[device].fill,
          idle[device].waiting, idle[device].drain);
    if (idle[device].waitsFor >= 0)
      print(stream, "  device %d, %.6g", idle[device].waitsFor,
            idle[device].longest);
    stream << '\n';
  }
}

/// What the pair takes that an action is part of, if that goes on at the same time; or 0.
static double pairTimeAt(const Simulated &simulated, const Step &step) {
  const std::vector<Action> &list = simulated.schedule.order[step.device];
  size_t first = step.position - endsPair(list, step.position);
  return simulated.costs.overlapsPairs() && beginsPair(list, first)
             ? simulated.costs.timeAt(simulated.schedule.placement, list, first)
             : 0;
}

void bitpipe::schedule::emitPairs(std::ostream &stream, const Simulated &simulated) {
  const auto &[schedule, costs, timing, use, sums, end, step, shards] = simulated;
  size_t count = pairsIn(schedule.order);
  if (!count && costs.overlapsPairs())
    stream << "pairs: none in this schedule, for which 'pair' among the costs means nothing\n";
  if (!count)
    return;
  double together = 0, apart = 0;
  for (const auto &list : schedule.order)
    for (size_t i = 0; i < list.size(); ++i)
      if (beginsPair(list, i)) {
        const Placement &placement = schedule.placement;
        together += costs.pairTime(placement, list[i], list[i + 1]);
        apart += costs.time(placement, list[i]) + costs.time(placement, list[i + 1]);
      }
  print(stream, "pairs: %zu of a forward and a backward, ", count);
  if (costs.overlapsPairs())
    print(stream, "at the same time taking %.6g instead of %.6g; %s\n", together, apart, runsApart);
  else
    print(stream, "one after the other taking %.6g; with 'pair' among the costs at the same time\n",
          apart);
}

void bitpipe::schedule::emitCriticalPath(std::ostream &stream, const Simulated &simulated) {
  const auto &[schedule, costs, timing, use, allSums, end, stepTime, shards] = simulated;
  constexpr const char *names[kindCount] = {"forwards", "backwards", "input gradients",
                                            "weight gradients", "recomputations", "updates",
                                            "gathers", "drops", "scatters",
                                            "evictions", "returns", "keeps", "loads"};
  double work[kindCount] = {}, total = 0, pairWork = 0;
  int count[kindCount] = {}, pairs = 0, messages = 0, sums = 0, device = -1;
  std::vector<Step> path = criticalPath(schedule.placement, schedule.order, timing);
  for (size_t i = 0; i < path.size(); ++i) {
    const Step &step = path[i];
    const Action &action = schedule.order[step.device][step.position];
    double time = costs.time(schedule.placement, action);
    if (action.kind == Kind::A && i + 1 < path.size()) // and what waits for it
      time = timing.start[path[i + 1].device][path[i + 1].position] -
             timing.start[step.device][step.position];
    if (isOfShards(action.kind) && time <= 0)
      continue; // is on the way from run to run
    if (double together = pairTimeAt(simulated, step); together > 0) {
      ++pairs;
      pairWork += time = together;
    } else {
      ++count[int(action.kind)];
      work[int(action.kind)] += time;
    }
    total += time;
    if (device >= 0 && device != step.device)
      ++(action.kind == Kind::U ? sums : messages);
    device = step.device;
  }
  stream << "critical path:";
  for (size_t kind = 0; kind < kindCount; ++kind)
    if (count[kind])
      print(stream, " %d %s taking %.6g,", count[kind], names[kind], work[kind]);
  if (pairs)
    print(stream, " %d pairs taking %.6g,", pairs, pairWork);
  // What is left over to rounding is no time.
  double rest = timing.makespan - total;
  std::string gradients = sums ? " and " + std::to_string(sums) + " gradient sums" : "";
  print(stream, " %d messages%s taking %.6g\n", messages, gradients.c_str(),
        rest > 1e-9 * timing.makespan ? rest : 0.0);
}

void bitpipe::schedule::emitLinks(std::ostream &stream, const Simulated &simulated) {
  const auto &[schedule, costs, timing, use, sums, end, step, shards] = simulated;
  std::map<std::pair<int, int>, double> links;
  std::pair<int, int> busiest{-1, -1};
  double longest = 0;
  for (size_t device = 0; device < schedule.order.size(); ++device)
    for (const Action &action : schedule.order[device]) {
      int from = int(device), to = receiver(schedule.placement, action);
      if (to < 0)
        continue;
      double busy = links[{from, to}] +=
          costs.message(from, to, action).transfer;
      if (busy > longest) {
        longest = busy;
        busiest = {from, to};
      }
    }
  if (longest > 0)
    print(stream, "busiest link: device %d to %s, %.6g, %.2f%% of the "
                  "makespan\n",
          busiest.first,
          busiest.first == busiest.second ? "its host and back"
                                          : std::to_string(busiest.second).c_str(),
          longest, 100 * longest / timing.makespan);
}
