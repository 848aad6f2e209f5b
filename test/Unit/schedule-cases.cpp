//===- schedule-cases.cpp - What the search finds, case by case -------------===//
//
// Usage: schedule-cases [TEXT [FILE]]
// Prints for every problem that docs/Schedules.md speaks of, or those with TEXT in their
// name, how long the device with the least work idles in the order that is found, the
// bound, and the processor time. Fails where that is worse than in FILE, which an earlier
// run has printed.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Search/Solve.h"
#include "test/Unit/schedule-cases.h"
#include "test/Unit/schedule-support.h"

#include <ctime>
#include <fstream>
#include <map>

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

/// The idle time of each case in a table.
static std::map<std::string, double> readTable(const char *path) {
  std::map<std::string, double> table;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    size_t end = line.find("  ");
    if (end != std::string::npos)
      table[line.substr(0, end)] = std::atof(line.c_str() + end);
  }
  expect(!table.empty(), std::string(path) + " has no table");
  return table;
}

/// Prints a case and returns its idle time.
static double tell(const Case &one, const std::string &name) {
  std::clock_t begin = std::clock();
  ErrorOr<Order> order = solve(one.problem);
  double seconds = double(std::clock() - begin) / CLOCKS_PER_SEC;
  if (!order) {
    expect(false, name + ": " + order.error().text);
    return 0;
  }
  std::optional<Error> wrong = one.problem.verify(*order);
  expect(!wrong, name + ": " + (wrong ? wrong->text : ""));
  double work = workOf(one.problem), idle = makespanOf(one.problem, *order) - work;
  std::printf("%-60s  %8.3f %8.3f %8.3f\n", name.c_str(), idle,
              lowerBound(one.problem) - work, seconds);
  std::fflush(stdout);
  return idle;
}

int main(int argc, char **argv) {
  std::string text = argc > 1 ? argv[1] : "";
  std::map<std::string, double> before;
  if (argc > 2)
    before = readTable(argv[2]);
  for (const Case &one : Cases().all()) {
    std::string name = one.group + ": " + one.name;
    if (name.find(text) == std::string::npos)
      continue;
    double idle = tell(one, name);
    if (auto it = before.find(name); it != before.end())
      expect(idle <= it->second + 2e-3,
             name + " idles " + std::to_string(idle) + ", before " +
                 std::to_string(it->second));
  }
  return report();
}
