//===- schedule-costs-test.cpp - Orders for uneven times, links and memory --===//
//
// Random problems with memory for little more than one micro-batch and links
// that are slower than the computing: every rule of the scheduler completes
// them, within the memory, and no order beats the bounds.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Check/Check.h"
#include "lib/Transforms/Schedule/Core/Routes.h"
#include "lib/Transforms/Schedule/Search/Justify.h"
#include "lib/Transforms/Schedule/Search/PriorityScheduler.h"
#include "lib/Transforms/Schedule/Search/Solve.h"
#include "lib/Transforms/Schedule/Simulate/Communicate.h"
#include "lib/Transforms/Schedule/Simulate/Simulate.h"
#include "test/Unit/schedule-support.h"
#include "test/Unit/second-simulation.h"

#include <cmath>
#include <random>

using namespace bitpipe::schedule;

namespace {
class Draw {
public:
  explicit Draw(unsigned seed) : random(seed) {}
  int below(int count) { return int(random() % count); }
  double from(double least, double most) {
    return least + (most - least) * (random() % 1000) / 1000.0;
  }

private:
  std::mt19937 random;
};
} // namespace

static Placement drawPlacement(Draw &draw) {
  int devices = 2 + draw.below(5), count = 2 + draw.below(10);
  int chunks = 1 + draw.below(3);
  std::vector<int> route =
      draw.below(2) ? loop(devices, chunks) : wave(devices, chunks);
  return draw.below(2) ? *oneWay(devices, count, route)
                       : *twoWays(devices, count, route, 2, 1);
}

/// Sizes in bytes, times in seconds: nothing is near 1.
static Costs drawCosts(Draw &draw, const Placement &placement) {
  Costs costs;
  costs.stages.clear();
  for (int stage = 0; stage < placement.stages(); ++stage) {
    StageCost cost{draw.from(1e-3, 3e-3), draw.from(1e-3, 3e-3),
                   draw.from(1e-3, 3e-3), draw.from(2e-3, 6e-3)};
    cost.activation = std::round(draw.from(1e8, 4e8));
    cost.message = draw.from(1e6, 1e7);
    cost.state = std::round(draw.from(1e9, 2e9));
    cost.sum = draw.from(0, 2e-2);
    costs.stages.push_back(cost);
  }
  for (int from = 0; from < placement.devices(); ++from) {
    auto &links = costs.links.emplace_back();
    for (int to = 0; to < placement.devices(); ++to)
      links.push_back({1 / draw.from(1e9, 1e10), draw.from(0, 2e-2)});
  }
  return costs;
}

/// Memory for `times` as much as the least in which any order exists.
static void giveMemory(Problem &problem, double times) {
  std::vector<double> state = stateOf(problem.placement, problem.costs);
  problem.activation = 2.5e8;
  problem.costs.memory.clear();
  for (int device = 0; device < problem.placement.devices(); ++device)
    problem.costs.memory.push_back(
        state[device] +
        std::round(times *
                   smallestMemory(problem.placement, problem.costs, device)));
  problem.memory =
      activationLimits(problem.placement, problem.costs, INFINITY);
}

static void testOrder(const std::string &name, const Problem &problem,
                      const Order &order) {
  std::optional<Error> wrong = problem.verify(order);
  if (wrong)
    return expect(false, name + ": " + wrong->text);
  Simulated simulated =
      *simulateAll({name, problem.placement, order}, problem.costs);
  double makespan = simulated.timing.makespan;
  double second =
      SecondSimulation(simulated.schedule, problem.costs).makespan();
  expect(std::abs(makespan - second) < 1e-9 * makespan,
         name + ": makespan " + std::to_string(makespan) +
             ", second opinion " + std::to_string(second));
  expect(lowerBound(problem) <= makespan * (1 + 1e-9),
         name + " beats the bound");
  expect(iterationBound(problem) <= simulated.iterationEnd * (1 + 1e-9),
         name + " with sums beats the bound");
}

/// Numbers at random, and as many micro-batches under way as one likes or one alone,
/// by devices that wait or do not.
static void testAnyPriorities(const std::string &name, const Problem &problem,
                              std::mt19937_64 &random) {
  Priorities priorities(Tasks(problem).count());
  for (double &priority : priorities)
    priority = between(0, 1, random);
  for (double wait : {0.0, 5e-3}) {
    for (size_t entered : {0, 1, 3}) {
      Pass pass = scheduleForward(problem, priorities, entered, wait);
      testOrder(name + ", any priorities", problem, orderOf(problem, pass));
    }
    Pass back = scheduleBackward(problem, priorities, wait);
    testOrder(name + ", any priorities from the end", problem, orderOf(problem, back));
  }
}

/// Priorities in both directions of time: memory never blocks either, and no
/// action's latest start is before its start.
static void testBothDirections(const std::string &name,
                               const Problem &problem) {
  std::mt19937_64 random(1);
  testAnyPriorities(name, problem, random);
  Wave wave = drawWave(problem, random);
  Pass there = scheduleForward(problem, wave.priorities, wave.entered);
  testOrder(name + ", forward", problem, orderOf(problem, there));
  Priorities latest = latestStarts(problem, there);
  Pass back = scheduleBackward(problem, latest);
  testOrder(name + ", backward", problem, orderOf(problem, back));
  for (size_t task = 0; task < latest.size(); ++task)
    expect(latest[task] >= there.start[task] - 1e-6 * there.makespan,
           name + ": a latest start is before the start");
}

static void testRandomProblems() {
  for (unsigned seed = 0; seed < 150; ++seed) {
    Draw draw(seed);
    Placement placement = drawPlacement(draw);
    Problem problem{placement, drawCosts(draw, placement), {},
                    draw.below(2) == 1};
    for (double times : {1.0, 1.2, 2.0}) {
      giveMemory(problem, times);
      std::string name = "problem " + std::to_string(seed) + " in " +
                         std::to_string(times) + " times the least memory";
      testBothDirections(name, problem);
      if (seed % 10 == 0)
        testOrder(name + ", solved", problem, *solve(problem, 0.05));
    }
  }
}

/// One byte less than the least is refused, by device and with what suffices.
static void testSmallestMemory() {
  Draw draw(7);
  Placement placement = *oneWay(4, 6, wave(4, 2));
  Problem problem{placement, drawCosts(draw, placement), {}, true};
  giveMemory(problem, 1);
  double least = problem.costs.memory[2];
  problem.costs.memory[2] -= 1;
  problem.memory = activationLimits(placement, problem.costs, INFINITY);
  std::optional<Error> wrong = problem.check();
  std::string text = wrong ? wrong->text : "";
  std::string expected = "device 2 may hold " +
                         std::to_string(int64_t(least) - 1) +
                         ", expected at least " +
                         std::to_string(int64_t(least));
  expect(text.starts_with(expected), "'" + text + "', expected " + expected);
}

/// Twelve messages of 5 each way, one after the other, between a first forward
/// of 1 and what follows a micro-batch's arrival: F, B, the gradient's message
/// of 5, B.
static void testSlowLink() {
  Problem problem{*oneWay(2, 12, loop(2, 1)), {}, {}, false};
  problem.costs.link.transfer = 5;
  expect(lowerBound(problem) == 1 + 12 * 5 + 1 + 2 + 5 + 2,
         "slow link: bound " + std::to_string(lowerBound(problem)));
  double got =
      simulate(problem.placement, *solve(problem), problem.costs)->makespan;
  expect(got == lowerBound(problem),
         "slow link: makespan " + std::to_string(got));
}

/// Both devices hold both stages: 2 x 3 of one stage before the first sum, then
/// 100 for each, and no order does better than both stages' work and one sum.
static void testSums() {
  Problem problem{*twoWays(2, 4, loop(2, 1), 2, 1), {}, {}, false};
  problem.costs.stages.front().sum = 100;
  expect(iterationBound(problem) == 2 * 3 + 2 * 100,
         "sums: bound " + std::to_string(iterationBound(problem)));
  problem.costs.stages.front().sum = 1;
  expect(iterationBound(problem) == 4 * 3 + 1,
         "short sums: bound " + std::to_string(iterationBound(problem)));
}

/// Stages that are joined or divided keep the whole; borders keep their
/// messages.
static void testRecut() {
  Draw draw(3);
  Costs costs = drawCosts(draw, *oneWay(4, 4, loop(4, 2)));
  double whole = 0;
  for (const StageCost &stage : costs.stages)
    whole += stage.forward;
  for (int stages : {1, 4, 6, 8, 16, 32}) {
    Costs cut = recut(costs, 8, stages);
    double sum = 0;
    for (const StageCost &stage : cut.stages)
      sum += stage.forward;
    expect(int(cut.stages.size()) == stages &&
               std::abs(sum - whole) < 1e-12 &&
               cut.stages.back().message == costs.stages.back().message,
           "recut into " + std::to_string(stages) + " stages");
  }
  Costs halves = recut(costs, 8, 4);
  expect(std::abs(halves.stages[1].forward - costs.stages[2].forward -
                  costs.stages[3].forward) < 1e-15 &&
             halves.stages[1].message == costs.stages[3].message,
         "recut joins others than its neighbours");
}

/// Gradients may take no time: what is put into an order by time stands in turn all the same.
static void testNoTime() {
  std::vector<StageCost> costs(3);
  costs[0].weightGradient = costs[1].inputGradient = 0;
  costs[0].backward = costs[1].backward = 1;
  costs[2].inputGradient = costs[2].weightGradient = costs[2].backward = 0;
  int built = 0;
  for (const Family &family : families())
    for (const StageCost &cost : costs)
      for (Shard shard : {Shard::None, Shard::Gradients, Shard::Parameters})
        for (const char *added : {"", "balance", "recompute", "offload", "both"}) {
          bool both = added == std::string("both");
          Request asked = request(family.name, 4, 8);
          asked.shard = shard;
          asked.balance = added == std::string("balance") || both;
          asked.recompute = added == std::string("recompute") ? "all" : "";
          if (ErrorOr<Placement> placement = placementFor(asked); both && placement)
            asked.recompute = std::to_string(placement->stages() - 1);
          asked.offload = added == std::string("offload") ? 2 : 0;
          asked.costs.lossInGradient = true;
          if (!buildSchedule(asked))
            continue; // nor where all takes time
          ++built;
          asked.costs.stages.front() = cost;
          std::string what = toText(asked) + " with slices of " + nameOf(shard);
          ErrorOr<Schedule> schedule = buildSchedule(asked);
          if (!schedule)
            expect(false, what + ": " + schedule.error().text);
          else if (ErrorOr<Program> program = communicate(*schedule, {}, asked.costs); !program)
            expect(false, what + ": " + program.error().text);
          else if (Checked wrong = check(*program))
            expect(false, what + ": " + wrong->text);
        }
  expect(built > 200, "most schedules have these sizes");
}

int main() {
  testNoTime();
  testRandomProblems();
  testSmallestMemory();
  testSlowLink();
  testSums();
  testRecut();
  return report();
}
