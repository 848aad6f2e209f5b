//===- schedule-effects-test.cpp - What is alive between gradients ----------===//
//
// What an input gradient keeps for the weight gradient may be less or more than what the
// forward has saved.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Check/Check.h"
#include "lib/Transforms/Schedule/Core/Routes.h"
#include "lib/Transforms/Schedule/Search/Solve.h"
#include "lib/Transforms/Schedule/Simulate/Communicate.h"
#include "lib/Transforms/Schedule/Simulate/Simulate.h"
#include "test/Unit/schedule-support.h"

using namespace bitpipe::schedule;

/// One device, two micro-batches: both forwards, both input gradients, both weight
/// gradients.
static Schedule together() {
  Order order(1);
  for (Kind kind : {Kind::F, Kind::I, Kind::W})
    for (int m : {0, 1})
      order[0].push_back({kind, false, 0, m});
  return {"together", *oneWay(1, 2, {0}), order};
}

static double peakWith(double kept) {
  Schedule schedule = together();
  Costs costs;
  costs.stages.front().activation = 4;
  costs.stages.front().kept = kept;
  Timing timing = *simulate(schedule.placement, schedule.order, costs);
  double peak = deviceUse(schedule.placement, schedule.order, timing, costs)[0].peakActivation;
  Program program = *communicate(schedule, {}, costs);
  expect(mostHeld(program, costs)[0].activations == peak,
         "the check holds another peak than the simulation's " + std::to_string(peak));
  expect(!checkMemory(program, costs, {{peak, 9, 9}}) &&
             checkMemory(program, costs, {{peak - 1, 9, 9}}),
         "the check does not hold to " + std::to_string(peak));
  return peak;
}

static void expectPeak(double kept, double peak) {
  double got = peakWith(kept);
  expect(got == peak, "kept " + std::to_string(kept) + ": peak " + std::to_string(got) +
                          ", expected " + std::to_string(peak));
}

/// Orders that are searched keep to the memory whatever is kept.
static void testSearch(double kept) {
  Problem problem{*twoWays(4, 6, wave(4, 2), 2, 1), {}, {}, true};
  problem.costs.stages.front().kept = kept;
  problem.costs.link.transfer = 0.3;
  problem.memory.assign(4, 8);
  ErrorOr<Order> order = solve(problem, 0.1);
  std::optional<Error> wrong = order ? problem.verify(*order) : order.error();
  expect(!wrong, "kept " + std::to_string(kept) + ": " + (wrong ? wrong->text : ""));
  if (order)
    expect(lowerBound(problem) <= makespanOf(problem, *order) * (1 + 1e-9),
           "kept " + std::to_string(kept) + ": beats the bound");
}

int main() {
  expectPeak(-1, 8);
  expectPeak(1, 8);
  expectPeak(4, 8);
  expectPeak(5, 10);
  for (double kept : {-1.0, 0.0, 0.5, 1.0, 1.5})
    testSearch(kept);
  return report();
}
