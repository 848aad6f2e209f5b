//===- schedule-groups-test.cpp - BitPipe's groups as an order --------------===//
//
// Full groups are an order as they stand, without any search, in 2D activations.
// Messages arrive while slots are worked off: only fill and drain wait for them.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Core/Routes.h"
#include "lib/Transforms/Schedule/Search/GroupWave.h"
#include "lib/Transforms/Schedule/Search/Solve.h"
#include "test/Unit/schedule-support.h"

#include <algorithm>

using namespace bitpipe::schedule;

static Problem tightProblem(int devices, int microbatches) {
  Problem problem;
  problem.placement = *twoWays(devices, microbatches, wave(devices, 2), 2, 1);
  problem.memory.assign(devices, 2 * devices);
  return problem;
}

/// What the priorities say, whether anything is ready or not.
static Order sorted(const Problem &problem, const Priorities &priorities) {
  Pass pass;
  for (size_t task = 0; task < priorities.size(); ++task)
    pass.sequence.push_back(task);
  std::stable_sort(pass.sequence.begin(), pass.sequence.end(),
                   [&](size_t a, size_t b) {
                     return priorities[a] < priorities[b];
                   });
  return orderOf(problem, pass);
}

static void testFullGroups() {
  for (int d = 4; d <= 64; d += 2)
    for (int k : {2, 3, 4, 8}) {
      Problem problem = tightProblem(d, k * d);
      Groups groups;
      groups.sizes.fill(std::vector<int>(k, d / 2));
      Order order = sorted(problem, groupWave(problem, groups));
      std::string name = toText(request("groups", d, k * d));
      std::optional<Error> wrong = problem.verify(order);
      expect(!wrong, name + ": " + (wrong ? wrong->text : ""));
      double idle = makespanOf(problem, order) - 6 * k * d;
      expect(idle == 2 * (d - 2), name + " idles " + std::to_string(idle));
    }
}

/// What fill and drain wait for grows with the number of devices alone.
static void testMessages() {
  for (bool split : {false, true})
    for (auto [d, n] : {std::pair(8, 16), {16, 40}, {32, 128}}) {
      Problem problem = tightProblem(d, n);
      problem.split = split;
      problem.costs.link.transfer = 0.1;
      double above = makespanOf(problem, *solve(problem)) - lowerBound(problem);
      expect(above <= d / 2.0 + 2,
             toText(request(split ? "split" : "whole", d, n)) +
                 " with messages ends " + std::to_string(above) +
                 " above the bound");
    }
}

static void testWhatHasGroups() {
  expect(hasGroups(tightProblem(8, 16)), "two opposite V have groups");
  expect(hasGroups(tightProblem(8, 17)), "odd numbers have groups");
  expect(!hasGroups(tightProblem(8, 8)), "one group alone has no other");
  expect(!hasGroups(tightProblem(7, 16)), "odd D has no groups");
  Problem straight{*twoWays(8, 16, loop(8, 1), 2, 1), {}, {}, false};
  expect(!hasGroups(straight), "straight routes have no groups");
  Problem loops{*twoWays(8, 16, loop(8, 2), 2, 1), {}, {}, false};
  expect(!hasGroups(loops), "loops have no groups");
}

int main() {
  testFullGroups();
  testMessages();
  testWhatHasGroups();
  return report();
}
