//===- schedule-search-test.cpp - Local search keeps its books ---------------===//
//
// Random moves on random problems: after every one the times that are kept while the
// order changes are those of the simulation, memory is kept to, and moves that are
// refused would block. Then the search itself, which must not get worse and is the same
// each time; how devices wait, and how orders get longer.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Core/Routes.h"
#include "lib/Transforms/Schedule/Search/Justify.h"
#include "lib/Transforms/Schedule/Search/Lengthen.h"
#include "lib/Transforms/Schedule/Search/LocalSearch.h"
#include "lib/Transforms/Schedule/Search/PriorityScheduler.h"
#include "lib/Transforms/Schedule/Search/Starts.h"
#include "lib/Transforms/Schedule/Simulate/Simulate.h"
#include "test/Unit/schedule-support.h"

#include <algorithm>
#include <cmath>

using namespace bitpipe::schedule;
using Random = std::mt19937_64;

static int below(Random &random, int count) { return int(random() % count); }

static Problem drawProblem(Random &random) {
  int devices = 2 + below(random, 4), count = 2 + below(random, 6);
  std::vector<int> route = below(random, 2) ? wave(devices, 2) : loop(devices, 2);
  Problem problem{below(random, 2) ? *oneWay(devices, count, route)
                                   : *twoWays(devices, count, route, 2, 1),
                  {}, {}, below(random, 2) == 0};
  problem.costs.stages.clear();
  for (int stage = 0; stage < 2 * devices; ++stage) {
    StageCost cost{between(1, 2, random), between(1, 2, random), between(1, 2, random),
                   between(2, 4, random)};
    cost.message = between(0, 2, random);
    problem.costs.stages.push_back(cost);
  }
  if (below(random, 2))
    problem.costs.link = {between(0, 1, random), between(0, 1, random)};
  problem.memory.assign(devices, 2 + 2 * below(random, devices));
  for (int device = 0; device < devices; ++device)
    problem.memory[device] = std::max(
        problem.memory[device],
        smallestMemory(problem.placement, problem.costs, device));
  return problem;
}

static Order startOf(const Problem &problem, Random &random) {
  Wave wave = drawWave(problem, random);
  return orderOf(problem, scheduleForward(problem, wave.priorities, wave.entered));
}

static Move drawMove(const Order &order, Random &random) {
  int device = below(random, int(order.size())), size = int(order[device].size());
  int from = below(random, size);
  int to = std::clamp(from - 4 + below(random, 9), 0, size - 1);
  return {device, from, to};
}

/// The order after a move, made the plain way.
static Order moved(Order order, const Move &move) {
  std::vector<Action> &list = order[move.device];
  Action action = list[move.from];
  list.erase(list.begin() + move.from);
  list.insert(list.begin() + move.to, action);
  return order;
}

static void testMoves(unsigned seed) {
  Random random(seed);
  Problem problem = drawProblem(random);
  OrderGraph graph(problem);
  graph.set(startOf(problem, random));
  std::string name = "seed " + std::to_string(seed);
  for (int i = 0; i < 60; ++i) {
    Order before = graph.order();
    Move move = drawMove(before, random);
    if (move.from == move.to)
      continue;
    Order after = moved(before, move);
    bool fits = graph.fits(move);
    bool isMade = fits && graph.apply(move);
    std::optional<Error> wrong = problem.verify(after);
    expect(isMade == !wrong, name + ": a move is " + (isMade ? "made: " : "refused") +
                                 (wrong ? wrong->text : ""));
    const Order &expected = isMade ? after : before;
    expect(graph.order() == expected, name + ": another order than that of the move");
    double end = makespanOf(problem, expected);
    expect(std::abs(graph.makespan() - end) < 1e-9 * end,
           name + ": makespan " + std::to_string(graph.makespan()) + ", simulated " +
               std::to_string(end));
  }
}

static void testSearch(unsigned seed) {
  Random random(seed);
  Problem problem = drawProblem(random);
  Order start = startOf(problem, random);
  LocalSearch search(problem, start, seed), again(problem, start, seed);
  search.run(300'000);
  again.run(300'000);
  Order best = search.best();
  std::string name = "seed " + std::to_string(seed);
  std::optional<Error> wrong = problem.verify(best);
  expect(!wrong, name + ": " + (wrong ? wrong->text : ""));
  expect(best == again.best(), name + ": another order the second time");
  double end = makespanOf(problem, best);
  expect(std::abs(end - search.makespan()) < 1e-9 * end && end <= makespanOf(problem, start) &&
             end >= lowerBound(problem) * (1 - 1e-9),
         name + ": makespan " + std::to_string(end));
}

/// When device 0 has run three forwards at 3, the first gradient is on its way and comes at 5
/// (forwards of 1, backwards of 2, messages of 0.5).
static void testWait() {
  Problem problem{*oneWay(2, 4, loop(2, 1)), {}, {}, false};
  problem.costs.link.transfer = 0.5;
  Tasks tasks(problem);
  Priorities priorities(tasks.count());
  for (int m = 0; m < 4; ++m) {
    priorities[tasks.index(Kind::F, 0, m)] = m;
    priorities[tasks.index(Kind::B, 0, m)] = m ? 10 : 2.5;
    priorities[tasks.index(Kind::F, 1, m)] = 20 + m;
    priorities[tasks.index(Kind::B, 1, m)] = 10 + m;
  }
  for (auto [wait, start] : {std::pair(0.0, 3.0), {1.9, 3.0}, {2.0, 7.0}}) {
    Pass pass = scheduleForward(problem, priorities, 0, wait);
    double begun = pass.start[tasks.index(Kind::F, 0, 3)];
    expect(pass.complete && begun == start,
           "the fourth forward begins at " + std::to_string(begun) + " where devices wait for " + std::to_string(wait));
  }
}

/// What an order has more micro-batches than it was made for costs their work alone; one
/// that repeats itself nowhere does not get longer.
static void testLengthen() {
  for (bool split : {false, true}) {
    Problem problem{*twoWays(8, 80, wave(8, 2), 2, 1), {}, std::vector<double>(8, split ? 16 : 20), split};
    problem.costs.link.transfer = 0.1;
    Problem few = withFewer(problem, 24);
    Order order = *groupsWithMessages(few);
    std::optional<Order> longer = lengthen(problem, few, order);
    double more = longer ? makespanOf(problem, *longer) - makespanOf(few, order) : 0;
    expect(longer && !problem.verify(*longer) && std::abs(more - 2 * 24 * 6) < 1e-6,
           "48 micro-batches more take " + std::to_string(more));
    few.memory.clear();
    Order all = orderOf(few, scheduleForward(few, forwardsFirst(few).priorities));
    expect(!lengthen(problem, few, all), "all forwards before all gradients are lengthened");
  }
}

int main() {
  testWait();
  testLengthen();
  for (unsigned seed = 0; seed < 300; ++seed)
    testMoves(seed);
  for (unsigned seed = 0; seed < 20; ++seed)
    testSearch(seed);
  return report();
}
