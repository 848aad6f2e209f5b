//===- SteadyStep.cpp - How long a step of many takes ----------------------===//
//
// A plan executes a whole backward as its two parts, so that its message goes early.
// At the gradient norm everybody waits for everybody, so that no step depends on
// more than the one before it: the norm is at 0, and the next one at the end.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Simulate/SteadyStep.h"

#include "lib/Transforms/Schedule/Simulate/Sums.h"

#include <algorithm>

using namespace bitpipe::schedule;

/// The numbers of all devices are gathered on device 0 and come back from there.
static double exchangeTime(const Costs &costs, int from, int to) {
  return from == to ? 0 : costs.way(from, to).latency;
}

/// When each device has made its updates, from the norm on.
static std::vector<double> updated(const Program &program, const Costs &costs) {
  std::vector<double> times(program.devices.size());
  for (size_t device = 0; device < times.size(); ++device)
    times[device] = exchangeTime(costs, 0, int(device));
  for (const Group &group : program.groups)
    for (int device : group.devices)
      times[device] += costs.optimizerOf(group.stages);
  return times;
}

double bitpipe::schedule::steadyStep(const Program &program, const Order &order,
                                     const Costs &costs) {
  ErrorOr<Timing> timing = simulate(program.placement, order, costs,
                                    {updated(program, costs), true});
  std::vector<double> ends;
  for (const auto &device : timing->end)
    ends.push_back(device.empty() ? 0 : device.back());
  for (const SumTime &sum : simulateSums(program, *timing, costs))
    for (int device : sum.devices)
      ends[device] = std::max(ends[device], sum.end);
  // The first of those that hold parameters squares their gradients.
  for (const Group &group : program.groups)
    ends[group.devices.front()] += costs.normOf(group.stages);
  double step = costs.feed;
  for (size_t device = 0; device < ends.size(); ++device)
    step = std::max(step, ends[device] + exchangeTime(costs, int(device), 0));
  return step;
}
