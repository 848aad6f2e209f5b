//===- schedule-placements-test.cpp - Placements under one scheduler --------===//
//
// Prints the table of placements in docs/Schedules.md: D = 8, N = 16, split
// backwards, idle time of a device in forwards of a stage of a V, and the
// proven bound. A device works 96 whatever the placement. Fails where the
// scheduler does worse than a plain greedy one did (0: the greedy one blocked).
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Core/Routes.h"
#include "lib/Transforms/Schedule/Search/Solve.h"
#include "lib/Transforms/Schedule/Simulate/Simulate.h"
#include "test/Unit/schedule-support.h"

using namespace bitpipe::schedule;

namespace {
constexpr int devices = 8, microbatches = 16;

struct Column {
  double message, memory; // memory in activations per device
};
constexpr Column columns[] = {{0, 2},   {0, 2.5}, {.1, 2.5}, {.1, 3},
                              {.2, 2.5}, {.2, 3},  {.4, 3}};

struct Row {
  const char *name;
  std::vector<int> route;
  bool both;
  double greedy[7];
};
} // namespace

static void testCell(const Row &row, const Column &column, double greedy) {
  Problem problem{row.both ? *twoWays(devices, microbatches, row.route, 2, 1)
                           : *oneWay(devices, microbatches, row.route),
                  {},
                  std::vector<double>(devices, column.memory * devices),
                  true};
  double part = 2.0 * devices / row.route.size();
  problem.costs.stages = {{part, part, part, 2 * part, part}};
  problem.costs.link.transfer = column.message;
  ErrorOr<Order> order = solve(problem);
  if (!order)
    return expect(false, std::string(row.name) + ": " + order.error().text);
  std::optional<Error> wrong = problem.verify(*order);
  expect(!wrong, std::string(row.name) + ": " + (wrong ? wrong->text : ""));
  double work = 6 * microbatches;
  double idle =
      simulate(problem.placement, *order, problem.costs)->makespan - work;
  double bound = lowerBound(problem) - work;
  expect(idle >= bound - 1e-6, std::string(row.name) + " beats the bound");
  expect(greedy == 0 || idle <= greedy + 0.05,
         std::string(row.name) + " idles " + std::to_string(idle) +
             ", expected at most " + std::to_string(greedy));
  std::printf(" %.1f (%.1f) |", idle, bound);
}

int main() {
  const Row rows[] = {
      {"one V", wave(devices, 2), false, {7, 7, 13.2, 9, 14.4, 10, 12}},
      {"one loop of 2", loop(devices, 2), false,
       {11, 7, 14.4, 7.7, 17, 8.4, 10.2}},
      {"one wave of 4", wave(devices, 4), false,
       {3.5, 3.5, 8.4, 4.2, 15, 7.9, 24.6}},
      {"one loop of 4", loop(devices, 4), false,
       {7, 3.5, 6.2, 4.2, 10.6, 4.9, 32.3}},
      {"two opposite V", wave(devices, 2), true,
       {3, 3, 10.3, 3.3, 11.6, 3.6, 4.4}},
      {"two opposite waves of 4", wave(devices, 4), true,
       {1.5, 1.5, 0, 2, 0, 2.5, 0}},
      {"two opposite loops of 2", loop(devices, 2), true,
       {3, 3, 7.2, 6.1, 8.4, 7.2, 10}},
      {"two opposite straight", loop(devices, 1), true,
       {6, 6, 10.5, 6.7, 11, 7.4, 8.8}}};
  std::printf("| routes |");
  for (const Column &column : columns)
    std::printf(" %g, %gD |", column.message, column.memory);
  std::printf("\n|---|---|---|---|---|---|---|---|\n");
  for (const Row &row : rows) {
    std::printf("| %s |", row.name);
    for (size_t i = 0; i < std::size(columns); ++i)
      testCell(row, columns[i], row.greedy[i]);
    std::printf("\n");
  }
  return report();
}
