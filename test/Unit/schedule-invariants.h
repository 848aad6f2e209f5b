//===- schedule-invariants.h - What holds of every schedule -----*- C++ -*-===//

#ifndef BITPIPE_TEST_UNIT_SCHEDULE_INVARIANTS_H
#define BITPIPE_TEST_UNIT_SCHEDULE_INVARIANTS_H

#include "lib/Transforms/Schedule/Check/Check.h"
#include "lib/Transforms/Schedule/Core/CSV.h"
#include "lib/Transforms/Schedule/Search/Bounds.h"
#include "lib/Transforms/Schedule/Simulate/Communicate.h"
#include "lib/Transforms/Schedule/Simulate/Simulate.h"
#include "lib/Transforms/Schedule/Simulate/Sums.h"
#include "test/Unit/schedule-support.h"
#include "test/Unit/second-simulation.h"

#include <cmath>

namespace bitpipe::schedule {

/// Stages, messages and links of different lengths. Sizes are such that slow
/// links hold messages up.
inline Costs uneven(const Placement &placement) {
  Costs costs;
  costs.stages.clear();
  for (int stage = 0; stage < placement.stages(); ++stage) {
    double f = 1 + stage % 3 * 0.25;
    StageCost cost{f, 1.1 * f, 0.9 * f, 2 * f};
    cost.activation = 1 + stage % 2 * 0.5;
    cost.message = 1 + stage % 4 * 0.5;
    cost.sum = 0.7 + stage % 2;
    costs.stages.push_back(cost);
  }
  int devices = placement.devices();
  costs.links.assign(devices, std::vector<Link>(devices));
  for (int from = 0; from < devices; ++from)
    for (int to = 0; to < devices; ++to)
      costs.links[from][to] = from / 2 == to / 2
                                  ? Link{0.05, 0.1 + 0.01 * to}
                                  : Link{0.6 + 0.1 * (from % 3), 0.4};
  costs.host = {0.7, 0.15};
  return costs;
}

inline Costs latency(double time) {
  Costs costs;
  costs.link.latency = time;
  return costs;
}

/// With updates between micro-batches each shared group is summed once for each of them.
inline void testSumsBetween(const Request &asked, const Schedule &schedule,
                            const Program &program) {
  Costs costs = uneven(schedule.placement);
  Timing timing = *simulate(schedule.placement, schedule.order, costs);
  std::vector<int> counts(program.groups.size());
  std::vector<double> busy(program.devices.size());
  for (const SumTime &sum : simulateSums(program, timing, costs)) {
    ++counts[sum.group];
    for (int member : program.groups[sum.group].devices) {
      expect(sum.start >= busy[member], toText(asked) + ": two sums at a time");
      busy[member] = sum.end;
    }
  }
  int updates = schedule.placement.microbatches() / schedule.placement.updates().every;
  for (size_t g = 0; g < program.groups.size(); ++g)
    expect(counts[g] == (program.groups[g].devices.size() > 1 ? updates : 0),
           toText(asked) + ": a sum is missing or needless");
}

/// Every shared group is summed once, after all its weight gradients, and a
/// device does one sum at a time.
inline void testSums(const Request &asked, const Schedule &schedule,
                     const Program &program) {
  Costs costs = uneven(schedule.placement);
  Timing timing = *simulate(schedule.placement, schedule.order, costs);
  std::vector<SumTime> sums = simulateSums(program, timing, costs);
  std::vector<double> start(program.groups.size(), -1);
  std::vector<double> busy(program.devices.size());
  for (const SumTime &sum : sums) {
    expect(start[sum.group] < 0, toText(asked) + ": a sum comes twice");
    start[sum.group] = sum.start;
    for (int member : program.groups[sum.group].devices) {
      expect(sum.start >= busy[member], toText(asked) + ": two sums at a time");
      busy[member] = sum.end;
    }
  }
  for (size_t g = 0; g < program.groups.size(); ++g) {
    const Group &group = program.groups[g];
    expect((group.devices.size() > 1) == (start[g] >= 0),
           toText(asked) + ": a sum is missing or needless");
    for (int stage : group.stages)
      for (size_t device = 0; start[g] >= 0 && device < schedule.order.size();
           ++device)
        for (size_t i = 0; i < schedule.order[device].size(); ++i) {
          const Action &action = schedule.order[device][i];
          if (action.stage == stage && makesWeightGradient(action.kind))
            expect(timing.end[device][i] <= start[g] + 1e-9,
                   toText(asked) + ": a sum starts before its gradients");
        }
  }
}

/// Everything that must hold of whatever a family gives.
inline void testSchedule(const Request &asked, const Schedule &schedule) {
  for (const Costs &costs :
       {Costs(), latency(0.3), uneven(schedule.placement)}) {
    ErrorOr<Simulated> simulated = simulateAll(schedule, costs);
    if (!simulated)
      return expect(false, toText(asked) + ": " + simulated.error().text);
    double makespan = simulated->timing.makespan;
    double second = SecondSimulation(schedule, costs).makespan();
    expect(std::abs(makespan - second) < 1e-6,
           toText(asked) + ": makespan " + std::to_string(makespan) +
               ", second opinion " + std::to_string(second));
    Bounds bound = bounds(*simulated);
    expect(bound.anyMemory <= bound.sameMemory + 1e-6 &&
               bound.sameMemory <= makespan + 1e-6,
           toText(asked) + ": makespan " + std::to_string(makespan) +
               " beats the bound " + std::to_string(bound.sameMemory));
    expect(bound.anyMemory <= bound.iteration + 1e-6 &&
               bound.iteration <= simulated->iterationEnd + 1e-6,
           toText(asked) + ": iteration of " +
               std::to_string(simulated->iterationEnd) + " beats the bound " +
               std::to_string(bound.iteration));
  }
  bool updates = bool(schedule.placement.updates());
  if (ErrorOr<Program> own = communicate(schedule); updates && own)
    testSumsBetween(asked, schedule, *own);
  ErrorOr<Program> program =
      schedule.placement.stages() > 1
          ? communicate(schedule, {{0, schedule.placement.stages() - 1}})
          : communicate(schedule);
  if (!program)
    return expect(false, toText(asked) + ": " + program.error().text);
  Checked wrong = check(*program);
  expect(!wrong, toText(asked) + ": " + (wrong ? wrong->text : ""));
  if (!updates)
    testSums(asked, schedule, *program);
  ErrorOr<Placement> inferred = inferPlacement(schedule.order);
  expect(bool(inferred), toText(asked) + ": routes cannot be read off");
  expect(inferred->updates() == schedule.placement.updates(),
         toText(asked) + ": updates cannot be read off");
}

} // namespace bitpipe::schedule

#endif // BITPIPE_TEST_UNIT_SCHEDULE_INVARIANTS_H
