//===- Problem.cpp - Finding an order for a placement ----------------------===//

#include "lib/Transforms/Schedule/Search/Problem.h"

#include "lib/Transforms/Schedule/Check/Check.h"
#include "lib/Transforms/Schedule/Simulate/CheckOrder.h"
#include "lib/Transforms/Schedule/Simulate/Simulate.h"

#include <algorithm>
#include <limits>
#include <sstream>

using namespace bitpipe::schedule;

static std::string number(double value) {
  std::ostringstream text;
  text.precision(15); // Sizes in bytes are told as they are.
  text << value;
  return text.str();
}

double Problem::limit(int device) const {
  return memory.empty() ? std::numeric_limits<double>::infinity()
                        : memory[device];
}

double bitpipe::schedule::smallestMemory(const Placement &placement,
                                         const Costs &costs, int device) {
  double least = 0;
  for (const Route &route : placement.routes()) {
    double sum = 0;
    for (int stage = 0; stage < placement.stages(); ++stage)
      if (route.devices[stage] == device)
        sum += costs.stage(stage).held();
    if (!route.microbatches.empty())
      least = std::max(least, sum);
  }
  return least;
}

Error bitpipe::schedule::exceedsMemory(int device, double memory, double state,
                                       double activations) {
  return Error{"device " + std::to_string(device) + " may hold " +
               number(memory) + ", expected at least " +
               number(state + activations) + ": " + number(state) +
               " of state and " + number(activations) + " of activations"};
}

std::vector<double>
bitpipe::schedule::activationLimits(const Placement &placement,
                                    const Costs &costs, double most) {
  std::vector<double> result = stateOf(placement, costs);
  for (int device = 0; device < placement.devices(); ++device)
    result[device] =
        costs.memory.empty()
            ? most
            : std::min(most, costs.memory[device] - result[device]);
  return result;
}

std::optional<Error> Problem::check() const {
  if (std::optional<Error> wrong = costs.check(placement))
    return wrong;
  if (!memory.empty() && int(memory.size()) != placement.devices())
    return Error{"memory of " + std::to_string(memory.size()) +
                 " devices, expected " + std::to_string(placement.devices())};
  std::vector<double> state = stateOf(placement, costs);
  for (int device = 0; device < placement.devices(); ++device) {
    double least = smallestMemory(placement, costs, device);
    double slack = 1e-9 * activation;
    if (limit(device) >= least - slack)
      continue;
    if (!costs.memory.empty() &&
        costs.memory[device] < state[device] + least - slack)
      return exceedsMemory(device, costs.memory[device], state[device], least);
    return Error{"device " + std::to_string(device) + " may hold " +
                 number(limit(device) / activation * counted) +
                 " activations, expected at least " +
                 number(least / activation * counted)};
  }
  return {};
}

std::optional<Error> Problem::verify(const Order &order) const {
  Program program = runsOf(placement, order);
  for (auto invariant : {checkNames, checkExactlyOnce})
    if (Checked wrong = invariant(program))
      return Error{wrong->text};
  ErrorOr<Timing> timing = simulate(placement, order, costs);
  if (!timing)
    return timing.error();
  std::vector<DeviceUse> use = deviceUse(placement, order, *timing, costs);
  for (int device = 0; device < placement.devices(); ++device)
    if (use[device].peakActivation > limit(device) + 1e-6 * activation)
      return Error{"device " + std::to_string(device) + " holds " +
                   number(use[device].peakActivation / activation * counted) +
                   " activations at once, expected at most " +
                   number(limit(device) / activation * counted)};
  return {};
}

double bitpipe::schedule::makespanOf(const Problem &problem,
                                     const Order &order) {
  constexpr double never = std::numeric_limits<double>::infinity();
  if (order.empty())
    return never;
  ErrorOr<Timing> timing = simulate(problem.placement, order, problem.costs);
  return timing ? timing->makespan : never;
}
