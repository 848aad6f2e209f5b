//===- Problem.cpp - Finding an order for a placement ----------------------===//

#include "lib/Transforms/Schedule/Problem.h"

#include "lib/Transforms/Schedule/Check.h"
#include "lib/Transforms/Schedule/Simulate.h"

#include <algorithm>
#include <limits>
#include <sstream>

using namespace bitpipe::schedule;

static std::string number(double value) {
  std::ostringstream text;
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
        sum += costs.stage(stage).activation;
    if (!route.microbatches.empty())
      least = std::max(least, sum);
  }
  return least;
}

std::optional<Error> Problem::check() const {
  if (costs.stages.size() != 1 &&
      int(costs.stages.size()) != placement.stages())
    return Error{"costs of " + std::to_string(costs.stages.size()) +
                 " stages, expected " + std::to_string(placement.stages())};
  if (!memory.empty() && int(memory.size()) != placement.devices())
    return Error{"memory of " + std::to_string(memory.size()) +
                 " devices, expected " + std::to_string(placement.devices())};
  for (int device = 0; device < placement.devices(); ++device) {
    double least = smallestMemory(placement, costs, device);
    if (limit(device) < least)
      return Error{"device " + std::to_string(device) + " may hold " +
                   number(limit(device)) + " activations, expected at least " +
                   number(least)};
  }
  return {};
}

std::optional<Error> Problem::verify(const Order &order) const {
  Program program{placement, {}, {}};
  for (const auto &list : order) {
    auto &instructions = program.devices.emplace_back();
    for (const Action &action : list)
      instructions.push_back(Instruction::run(action));
  }
  for (auto invariant : {checkNames, checkExactlyOnce})
    if (Checked wrong = invariant(program))
      return Error{wrong->text};
  ErrorOr<Timing> timing = simulate(placement, order, costs);
  if (!timing)
    return timing.error();
  std::vector<DeviceUse> use = deviceUse(placement, order, *timing, costs);
  for (int device = 0; device < placement.devices(); ++device)
    if (use[device].peakActivation > limit(device) + 1e-6)
      return Error{"device " + std::to_string(device) + " holds " +
                   number(use[device].peakActivation) +
                   " activations at once, expected at most " +
                   number(limit(device))};
  return {};
}

namespace {
/// The way of a micro-batch along one route.
struct Way {
  /// Per stage, the earliest start of its forward.
  std::vector<double> arrival;
  /// Per stage, the earliest start of its input gradient.
  std::vector<double> turn;
  /// Per stage, what must still happen after its input gradient is made.
  std::vector<double> rest;
  double total = 0;
};
} // namespace

static Way follow(const Problem &problem, const Route &route) {
  const Costs &costs = problem.costs;
  int stages = problem.placement.stages();
  Kind backward = problem.split ? Kind::I : Kind::B;
  auto hop = [&](int stage) {
    bool leaves = route.devices[stage] != route.devices[stage + 1];
    return leaves ? costs.transfer + costs.latency : 0;
  };
  std::vector<double> zeros(stages);
  Way way{zeros, zeros, zeros, 0};
  for (int stage = 0; stage + 1 < stages; ++stage) {
    double forward = costs.time({Kind::F, false, stage, 0});
    way.arrival[stage + 1] = way.arrival[stage] + forward + hop(stage);
    way.rest[stage + 1] = way.rest[stage] + hop(stage) +
                          costs.time({backward, false, stage, 0});
  }
  int last = stages - 1;
  way.turn[last] = way.arrival[last] + costs.time({Kind::F, false, last, 0});
  for (int stage = last; stage > 0; --stage)
    way.turn[stage - 1] = way.turn[stage] + hop(stage - 1) +
                          costs.time({backward, false, stage, 0});
  way.total = way.turn[0] + costs.time({backward, false, 0, 0});
  if (problem.split)
    way.total += costs.stage(0).weightGradient;
  return way;
}

double bitpipe::schedule::lowerBound(const Problem &problem) {
  const Placement &placement = problem.placement;
  double infinity = std::numeric_limits<double>::infinity(), bound = 0;
  std::vector<double> work(placement.devices()), pace(placement.devices()),
      head(placement.devices(), infinity), turn(head), tail(head);
  for (const Route &route : placement.routes()) {
    if (route.microbatches.empty())
      continue;
    Way way = follow(problem, route);
    bound = std::max(bound, way.total);
    for (int stage = 0; stage < placement.stages(); ++stage) {
      int device = route.devices[stage];
      const StageCost &cost = problem.costs.stage(stage);
      double backward = problem.split ? cost.inputGradient + cost.weightGradient
                                      : cost.backward;
      work[device] += (cost.forward + backward) * route.microbatches.size();
      head[device] = std::min(head[device], way.arrival[stage]);
      turn[device] = std::min(turn[device], way.turn[stage]);
      pace[device] = std::max(pace[device], cost.forward / cost.activation);
      tail[device] = std::min(tail[device], problem.split ? 0 : way.rest[stage]);
    }
  }
  for (int device = 0; device < placement.devices(); ++device) {
    if (work[device] == 0)
      continue;
    double before = pace[device] * problem.limit(device);
    double idle = std::max(head[device], turn[device] - before);
    bound = std::max(bound, idle + work[device] + tail[device]);
  }
  return bound;
}
