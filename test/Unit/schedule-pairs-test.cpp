//===- schedule-pairs-test.cpp - A forward and a backward at the same time -===//
//
// Orders of all families with pairs at random places, for random times, shares and links:
// a second simulation says the same, no order beats its bounds, and each device's time is
// all accounted for.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Search/Bounds.h"
#include "lib/Transforms/Schedule/Simulate/CheckOrder.h"
#include "lib/Transforms/Schedule/Simulate/Simulate.h"
#include "test/Unit/schedule-support.h"
#include "test/Unit/second-simulation.h"

#include <cmath>
#include <random>

using namespace bitpipe::schedule;
using Random = std::mt19937;

static double from(Random &random, double least, double most) {
  return least + (most - least) * double(random() % 1000) / 1000;
}

static Costs drawCosts(Random &random, const Placement &placement) {
  Costs costs;
  costs.stages.clear();
  for (int stage = 0; stage < placement.stages(); ++stage) {
    StageCost cost{from(random, 0.5, 2), from(random, 0.5, 2), from(random, 0.5, 2)};
    cost.backward = (cost.inputGradient + cost.weightGradient) * from(random, 0.8, 1.1);
    cost.pair = from(random, 0.4, 1.1);
    cost.sum = from(random, 0, 1);
    costs.stages.push_back(cost);
  }
  if (random() % 2)
    costs.link = {from(random, 0, 0.5), from(random, 0, 0.5)};
  return costs;
}

/// Makes pairs of neighbours that may be one.
static void pairUp(Random &random, Schedule &schedule) {
  for (std::vector<Action> &list : schedule.order)
    for (size_t i = 0; i + 1 < list.size(); ++i) {
      if (endsPair(list, i) || random() % 3 == 0)
        continue;
      list[i].overlapsNext = true;
      if (list[i + 1].overlapsNext || checkPairs(schedule.placement, schedule.order))
        list[i].overlapsNext = false;
    }
}

static void testTimes(const std::string &name, const Simulated &simulated) {
  double makespan = simulated.timing.makespan;
  double second = SecondSimulation(simulated.schedule, simulated.costs).makespan();
  expect(std::abs(makespan - second) < 1e-9 * makespan,
         name + ": makespan " + std::to_string(makespan) + ", second opinion " +
             std::to_string(second));
  Bounds bound = bounds(simulated);
  expect(bound.anyMemory <= makespan * (1 + 1e-9) && bound.sameMemory <= makespan * (1 + 1e-9),
         name + " beats the bound: " + std::to_string(makespan) + ", bounds " +
             std::to_string(bound.anyMemory) + ", " + std::to_string(bound.sameMemory));
  expect(bound.iteration <= simulated.iterationEnd * (1 + 1e-9), name + " with sums beats the bound");
  expect(leastTime(simulated.schedule.placement, simulated.costs) <=
             simulated.iterationEnd * (1 + 1e-9),
         name + " takes less than the least time");
  const Schedule &schedule = simulated.schedule;
  std::vector<IdleTime> idle = idleTimes(schedule.placement, schedule.order, simulated.timing);
  for (size_t device = 0; device < idle.size(); ++device) {
    double all = simulated.use[device].work + idle[device].fill + idle[device].waiting +
                 idle[device].drain;
    expect(std::abs(all - makespan) < 1e-9 * makespan,
           name + ": device " + std::to_string(device) + " accounts for " + std::to_string(all));
  }
  std::vector<Step> path = criticalPath(schedule.placement, schedule.order, simulated.timing);
  for (size_t i = 0; i < path.size(); ++i) {
    double start = simulated.timing.start[path[i].device][path[i].position];
    double before = i ? simulated.timing.start[path[i - 1].device][path[i - 1].position] : -1;
    expect(start >= before && (i || start == 0), name + ": the critical path does not go on");
  }
}

static size_t testFamily(Random &random, const char *family, int devices, int microbatches) {
  ErrorOr<Schedule> schedule = buildSchedule(request(family, devices, microbatches));
  if (!schedule)
    return 0;
  size_t pairs = 0;
  for (int i = 0; i < 6; ++i) {
    Schedule paired = *schedule;
    pairUp(random, paired);
    pairs += pairsIn(paired.order);
    Costs costs = drawCosts(random, paired.placement);
    std::string name = std::string(family) + " D=" + std::to_string(devices) +
                       " N=" + std::to_string(microbatches) + " " + std::to_string(i);
    ErrorOr<Simulated> simulated = simulateAll(paired, costs);
    expect(bool(simulated), name + (simulated ? "" : ": " + simulated.error().text));
    if (simulated)
      testTimes(name, *simulated);
  }
  return pairs;
}

static void testFamilies() {
  Random random(1);
  size_t pairs = 0;
  for (const Family &family : families())
    if (!family.updatesBetween && !family.sharesStages)
      for (auto [devices, microbatches] : {std::pair(1, 3), {2, 6}, {3, 6}, {4, 8}})
        pairs += testFamily(random, family.name.c_str(), devices, microbatches);
  expect(pairs > 1000, "only " + std::to_string(pairs) + " pairs");
}

/// One device: 0F0,1F0,0F1,1B0,(1F1;0B0),(0F2;1B1),(1F2;0B1),1B2,0I2,0W2 takes 9 apart from the
/// pairs, each of which takes 3 in parts.
static void testByHand() {
  Schedule schedule = *buildSchedule(request("dualpipev", 1, 3));
  auto makespan = [&](const char *text) {
    return simulate(schedule.placement, schedule.order, *parseCosts(text))->makespan;
  };
  auto isNear = [](double got, double expected) { return std::abs(got - expected) < 1e-9; };
  expect(isNear(makespan("F=1"), 18), "pairs do not run one after the other by default");
  expect(isNear(makespan("pair=1"), 18), "a share of 1 is not the sum");
  expect(isNear(makespan("pair=0.8"), 9 + 3 * 2.4), "a share of 0.8");
  expect(isNear(makespan("pair=0.5"), 9 + 3 * 2), "a pair takes less than its backward");
  expect(isNear(makespan("pair=1.2"), 9 + 3 * 3.6), "a share above 1");
}

/// Of a backward that is the first of a pair nothing is free for the forward beside it.
static void testMemory() {
  Schedule schedule = *buildSchedule(request("1f1b", 1, 2)); // 0F0,0B0,0F1,0B1
  schedule.order[0][1].overlapsNext = true;
  auto peak = [&](const Costs &costs) {
    return simulateAll(schedule, costs)->use[0].peakActivation;
  };
  expect(peak(*parseCosts("F=1")) == 1, "one after the other hold more than one");
  expect(peak(*parseCosts("pair=0.8")) == 2, "at the same time hold less than both");
}

/// Stages that are joined have the mean of their shares, by their times.
static void testRecut() {
  Costs costs = *parseCosts("F=1,B=2,pair=0.5");
  costs.stages.push_back(costs.stages.front());
  costs.stages[1].forward = 2;
  costs.stages[1].backward = 4;
  costs.stages[1].pair = 0.8;
  expect(std::abs(recut(costs, 2, 1).stages[0].pair - 0.7) < 1e-9, "the share of joined stages");
  expect(std::abs(recut(costs, 2, 4).stages[3].pair - 0.8) < 1e-9, "the share of a half");
  expect(!recut(*parseCosts("F=1"), 2, 4).overlapsPairs(), "stages without shares have some");
}

int main() {
  testByHand();
  testMemory();
  testRecut();
  testFamilies();
  return report();
}
