//===- schedule-cases.cpp - What the search finds, case by case -------------===//
//
// Usage: schedule-cases [GROUP]
// Prints for every problem that docs/Schedules.md speaks of (of one group: idle, few,
// odd, shares, tight, messages, placements) how long the busiest device idles in the
// order that is found, the bound, and the processor time.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Search/Solve.h"
#include "test/Unit/schedule-cases.h"

#include <cstdio>
#include <ctime>

using namespace bitpipe::schedule;

/// The least work of a device: what the makespan is told above.
static double workOf(const Problem &problem) {
  std::vector<double> work(problem.placement.devices());
  for (const Route &route : problem.placement.routes())
    for (int stage = 0; stage < problem.placement.stages(); ++stage)
      work[route.devices[stage]] +=
          problem.costs.workOf(stage, problem.split) * route.microbatches.size();
  return *std::min_element(work.begin(), work.end());
}

int main(int argc, char **argv) {
  std::string group = argc > 1 ? argv[1] : "";
  for (const Case &one : Cases().all()) {
    if ((one.group + ": " + one.name).find(group) == std::string::npos)
      continue;
    std::clock_t begin = std::clock();
    ErrorOr<Order> order = solve(one.problem);
    double seconds = double(std::clock() - begin) / CLOCKS_PER_SEC;
    std::string name = one.group + ": " + one.name;
    if (!order) {
      std::printf("%-60s %s\n", name.c_str(), order.error().text.c_str());
      continue;
    }
    if (std::optional<Error> wrong = one.problem.verify(*order))
      std::printf("%-60s WRONG %s\n", name.c_str(), wrong->text.c_str());
    double work = workOf(one.problem);
    std::printf("%-60s %8.3f %8.3f %8.3f\n", name.c_str(),
                makespanOf(one.problem, *order) - work, lowerBound(one.problem) - work, seconds);
    std::fflush(stdout);
  }
}
