//===- schedule-choose-test.cpp - The fastest schedule that fits ------------===//
//
// What is chosen, beside a search through all combinations with loops of its own, without
// proofs that spare any; with costs from none to slow links and little memory.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Choose/Choose.h"
#include "lib/Transforms/Schedule/Choose/Dimensions.h"
#include "lib/Transforms/Schedule/Simulate/Communicate.h"
#include "lib/Transforms/Schedule/Simulate/MessageMemory.h"
#include "test/Unit/schedule-support.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <sstream>

using namespace bitpipe::schedule;

/// The least time of a step of all that can be built for these costs. Where updates take no
/// time, slices only make room.
static double fastest(const Request &base) {
  double least = std::numeric_limits<double>::infinity();
  for (const Family &family : families())
    for (int chunks : {1, 2, 4})
      for (int replicas = 1; replicas <= base.devices; ++replicas) {
        if (family.updatesBetween || family.sharesStages)
          continue; // It trains to other numbers, or wants another cut.
        Request asked = base;
        asked.pipeline = family.name;
        asked.chunks = chunks;
        asked.replicas = replicas;
        asked.effort *= 0.05;
        for (const char *recompute : {"none", "all"})
          for (bool balance : {false, true})
            for (Shard shard : {Shard::None, Shard::Optimizer, Shard::Gradients, Shard::Parameters}) {
              asked.recompute = recompute;
              asked.balance = balance;
              asked.shard = shard;
              if (ErrorOr<Simulated> simulated = measure(asked))
                least = std::min(least, simulated->step > 0 ? simulated->step
                                                            : simulated->iterationEnd);
            }
      }
  return least;
}

/// All is open.
static ErrorOr<Choice> chooseAny(const Request &base) {
  Scope scope;
  scope.mostSharded = Shard::Parameters;
  scope.choosesBalance = true;
  return choose(base, scope);
}

static Costs costsOf(double message, double sum, double memory, int devices) {
  Costs costs;
  StageCost &stage = costs.stages.front();
  stage.state = 4;
  stage.moments = 2;
  stage.weights = 1;
  stage.sum = sum;
  stage.holders = 2;
  stage.optimizer = sum / 4;
  costs.link.transfer = message;
  if (memory > 0)
    costs.memory.assign(devices, memory);
  return costs;
}

static void testAgainstAll(int devices, int microbatches, const Costs &costs) {
  Request base = request("auto", devices, microbatches);
  base.replicas = 0;
  base.costs = costs;
  base.effort = 0.1;
  std::string name = std::to_string(devices) + " devices, message " +
                     std::to_string(costs.link.transfer) + ", sum " +
                     std::to_string(costs.stages.front().sum) + ", memory " +
                     std::to_string(costs.memory.empty() ? 0 : costs.memory.front());
  double expected = fastest(base);
  ErrorOr<Choice> choice = chooseAny(base);
  if (!choice)
    return expect(std::isinf(expected) &&
                      choice.error().text.find("no schedule fits") == 0,
                  name + ": " + choice.error().text);
  const Candidate &first = choice->fitting.front();
  expect(std::abs(first.time - expected) < 1e-6,
         name + ": " + first.name() + " takes " + std::to_string(first.time) +
             ", expected " + std::to_string(expected));
  expect(choice->fitting.size() <= mostShown &&
             choice->count >= choice->fitting.size() + choice->slower,
         name + ": the counts are wrong");
  for (const Candidate &candidate : choice->fitting) {
    expect(candidate.time >= first.time - 1e-9, name + ": the first one is not the fastest");
    for (double most : costs.memory)
      expect(candidate.memory <= most, name + ": " + candidate.name() + " does not fit");
  }
}

/// Sizes of micro-batches, with latency and efficiencies for which one in the middle is best.
static void testSizes(double memory) {
  Request base = request("auto", 2, 0);
  base.replicas = 0;
  base.costs = costsOf(0.1, 1, memory, 2);
  base.costs.link.latency = 0.3;
  base.effort = 0.1;
  Scope scope;
  scope.mostSharded = Shard::Parameters;
  scope.choosesBalance = true;
  scope.batch = 4;
  scope.sizes = {{1, 1}, {2, 1.6}, {4, 1.7}};
  double least = std::numeric_limits<double>::infinity();
  for (auto [samples, efficiency] : scope.sizes) {
    Request sized = base;
    sized.microbatches = 4 / samples;
    for (StageCost &stage : sized.costs.stages) {
      for (double StageCost::*time : {&StageCost::forward, &StageCost::inputGradient,
                                      &StageCost::weightGradient, &StageCost::backward})
        stage.*time *= samples / efficiency;
      stage.activation *= samples;
      stage.message *= samples;
    }
    least = std::min(least, fastest(sized));
  }
  ErrorOr<Choice> choice = choose(base, scope);
  std::string name = "sizes in " + std::to_string(memory);
  if (!choice)
    return expect(std::isinf(least), name + ": " + choice.error().text);
  const Candidate &first = choice->fitting.front();
  expect(std::abs(first.time - least) < 1e-6,
         name + ": " + first.name() + " takes " + std::to_string(first.time) + ", expected " +
             std::to_string(least));
  expect(first.request.microbatches * first.request.samples == 4, name + ": another batch");
}

/// GPipe with two micro-batches on two devices, by hand. Device 0 keeps both outputs until it has
/// received the first gradient, and that; device 1 both gradients to the end, and what it has
/// received until it was read last.
static void testMessages() {
  for (Kind reader : {Kind::F, Kind::I}) {
    Costs costs;
    costs.stages.front().inputReader = reader;
    costs.stages.front().message = 2;
    Schedule schedule = *buildSchedule(request("gpipe", 2, 2));
    std::vector<double> got = messageMemory(*communicate(schedule), costs);
    std::vector<double> expected = {6, reader == Kind::F ? 4.0 : 6.0};
    expect(got == expected, "messages of gpipe take " + std::to_string(got[0]) + " and " +
                                std::to_string(got[1]));
  }
}

/// What a request needs by a layout that has the last word: far more than its schedule counts in
/// some families, a little more in all others.
static double needOf(const Request &request, const Layout &layout) {
  ErrorOr<Simulated> simulated = measure(request);
  if (!simulated)
    return std::numeric_limits<double>::infinity();
  const Schedule &schedule = simulated->schedule;
  Costs apart = ownCosts(layout.apart, request, schedule.placement);
  Program program = *communicate(schedule, {}, simulated->costs);
  std::vector<double> messages = messageMemory(program, apart);
  std::vector<DeviceUse> use = deviceUse(schedule.placement, schedule.order, {}, apart);
  double most = 0;
  for (size_t device = 0; device < use.size(); ++device)
    most = std::max(most, use[device].state + use[device].peakActivation + messages[device]);
  bool isFar = request.pipeline == "zb-v" || request.pipeline == "v-half";
  return most + (isFar ? 12 : 2);
}

/// The fastest whose own layout fits is taken, whatever others need.
static void testLayouts(double memory) {
  Request base = request("auto", 4, 8);
  base.replicas = 1;
  base.effort = 0.1;
  Layout layout;
  layout.sizes = costsOf(0, 0, memory, 4);
  layout.sizes.stages.front().message = 0.5;
  layout.apart = layout.sizes;
  int laidOut = 0;
  layout.need = [&](const Request &asked) -> ErrorOr<double> {
    ++laidOut;
    Request quick = asked;
    quick.effort *= 0.05;
    return needOf(quick, layout);
  };
  Scope scope;
  scope.layout = &layout;
  ErrorOr<Choice> choice = choose(base, scope);
  std::string name = "laid out in " + std::to_string(memory);
  double least = std::numeric_limits<double>::infinity(), leastNeed = least;
  for (Request asked : combinations(base, scope)) {
    asked.effort *= 0.05;
    ErrorOr<Simulated> simulated = measure(asked);
    if (!simulated)
      continue;
    double need = needOf(asked, layout);
    leastNeed = std::min(leastNeed, need);
    if (need <= memory)
      least = std::min(least, stepTime(*simulated));
  }
  expect(laidOut <= 36, name + ": " + std::to_string(laidOut) + " layouts");
  if (!choice) {
    std::ostringstream need;
    need << "laid out a device needs " << leastNeed << " of ";
    return expect(std::isinf(least) && choice.error().text.find(need.str()) != std::string::npos,
                  name + ": " + choice.error().text + ", expected: " + need.str());
  }
  const Candidate &first = choice->fitting.front();
  expect(std::abs(first.time - least) < 1e-6, name + ": " + first.name() + " takes " +
                                                  std::to_string(first.time) + ", expected " +
                                                  std::to_string(least));
  expect(first.laidOut > 0 && first.laidOut <= memory, name + ": " + first.name() + " does not fit");
  expect(size_t(laidOut) == choice->laidOut && laidOut <= 24, name + ": layouts are not counted");
}

/// What fits nothing tells what would: with that memory something fits, with less nothing.
static void testNeed() {
  Request base = request("auto", 4, 8);
  base.replicas = 0;
  base.costs = costsOf(0, 1, 5, 4);
  ErrorOr<Choice> none = chooseAny(base);
  expect(!none, "a model fits nowhere and is taken");
  if (none)
    return;
  const std::string &text = none.error().text;
  size_t at = text.find("expected at least ");
  expect(at != std::string::npos, text);
  if (at == std::string::npos)
    return;
  double need = std::atof(text.c_str() + at + std::string("expected at least ").size());
  base.costs = costsOf(0, 1, need, 4);
  expect(bool(chooseAny(base)), "nothing fits in " + std::to_string(need) + ", but: " + text);
  base.costs = costsOf(0, 1, need * 0.999, 4);
  expect(!chooseAny(base), "less would do than: " + text);
}

int main() {
  for (int devices : {1, 2})
    for (double message : {0.0, 0.5})
      for (double sum : {0.0, 3.0})
        for (double memory : {0.0, 26.0, 14.0})
          testAgainstAll(devices, 2 * devices, costsOf(message, sum, memory, devices));
  testAgainstAll(3, 6, costsOf(0.2, 1, 20, 3));
  testAgainstAll(4, 8, costsOf(0.5, 0, 26, 4));
  testAgainstAll(4, 8, costsOf(0.5, 3, 11, 4));
  for (double memory : {60.0, 30.0, 26.0, 23.0, 20.0, 13.0, 10.0, 3.0})
    testLayouts(memory);
  for (double memory : {0.0, 16.0})
    testSizes(memory);
  testMessages();
  testNeed();
  return report();
}
