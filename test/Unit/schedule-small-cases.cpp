//===- schedule-small-cases.cpp - Problems that can be solved exactly -------===//
//
// Prints small problems as lines of JSON, with the makespan of the order that is found
// and the lower bound, for test/Schedule/exact.py.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Core/Routes.h"
#include "lib/Transforms/Schedule/Search/Solve.h"

#include <cstdio>
#include <string>

using namespace bitpipe::schedule;

template <typename Values> static std::string listOf(const Values &values) {
  std::string text;
  for (const auto &value : values)
    text += (text.empty() ? "" : ", ") + std::to_string(value);
  return "[" + text + "]";
}

static void print(const std::string &name, const Problem &problem) {
  ErrorOr<Order> order = solve(problem);
  if (!order) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), order.error().text.c_str());
    return;
  }
  const StageCost &cost = problem.costs.stages.front();
  std::string routes;
  for (const Route &route : problem.placement.routes())
    routes += (routes.empty() ? "" : ", ") + ("[" + listOf(route.devices)) + ", " +
              listOf(route.microbatches) + "]";
  std::printf("{\"name\": \"%s\", \"devices\": %d, \"split\": %s, \"routes\": [%s], "
              "\"times\": [%g, %g, %g, %g], \"message\": [%g, %g], \"memory\": %g, "
              "\"found\": %.9g, \"bound\": %.9g}\n",
              name.c_str(), problem.placement.devices(), problem.split ? "true" : "false",
              routes.c_str(), cost.forward, cost.backward, cost.inputGradient,
              cost.weightGradient, problem.costs.link.transfer, problem.costs.link.latency,
              problem.limit(0), makespanOf(problem, *order), lowerBound(problem));
}

static void printSizes(const std::string &shape, const std::vector<int> &route, bool both,
                       int devices) {
  for (int count : {devices, devices + 1})
    for (bool split : {false, true})
      for (double memory : {1.5, 2.0, 2.5})
        for (double transfer : {0.0, 0.5}) {
          Problem problem{both ? *twoWaysSpread(devices, count, route, count / 2)
                               : *oneWay(devices, count, route),
                          {}, std::vector<double>(devices, memory * devices), split};
          problem.costs.link.transfer = transfer;
          print(shape + " " + std::to_string(devices) + "/" + std::to_string(count) +
                    (split ? " split" : " whole") + " memory " +
                    std::to_string(memory).substr(0, 3) + "D message " +
                    std::to_string(transfer).substr(0, 3),
                problem);
        }
}

int main() {
  for (int devices : {2, 3}) {
    printSizes("V", wave(devices, 2), false, devices);
    printSizes("two V", wave(devices, 2), true, devices);
    printSizes("straight", loop(devices, 1), false, devices);
    printSizes("two straight", loop(devices, 1), true, devices);
  }
  printSizes("straight", loop(4, 1), false, 4);
  printSizes("two straight", loop(4, 1), true, 4);
}
