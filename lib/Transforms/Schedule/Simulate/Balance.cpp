//===- Balance.cpp - Activations that move to where there is room ----------===//

#include "lib/Transforms/Schedule/Simulate/Balance.h"

#include "lib/Transforms/Schedule/Core/Text.h"
#include "lib/Transforms/Schedule/Simulate/Placing.h"

#include <algorithm>
#include <numeric>
#include <sstream>

using namespace bitpipe::schedule;

constexpr double slack = balanceSlack;

std::optional<Error> bitpipe::schedule::evict(Schedule &schedule, const Costs &costs,
                                              const std::vector<Partners> &pairs,
                                              double most) {
  Schedule before = schedule;
  before.placement = forPlacing(schedule.placement);
  const Costs placing = forPlacing(costs);
  ErrorOr<Timing> timing = simulate(before.placement, before.order, placing);
  if (!timing)
    return timing.error();
  Costs counted = costs;
  for (StageCost &stage : counted.stages) {
    stage.activation = 1;
    stage.kept = -1;
    stage.input = 0;
  }
  Balancer balancer(before, placing, counted, *timing);
  std::vector<MovePlan> plans;
  for (Partners pair : pairs) {
    if (balancer.peak(pair.heavy) <= most * (1 + slack))
      continue;
    std::optional<MovePlan> plan = balancer.plan(pair, most);
    if (!plan) {
      std::ostringstream text;
      text << "devices " << pair.heavy << " and " << pair.light << " hold "
           << balancer.peak(pair.heavy) << " and " << balancer.peak(pair.light)
           << " activations, expected that they can be moved such that both hold " << most
           << " at most";
      return Error{text.str()};
    }
    plans.push_back(std::move(*plan));
  }
  balancer.apply(schedule, plans);
  timing = simulate(schedule.placement, schedule.order, costs);
  return timing ? std::nullopt : std::optional(timing.error());
}

/// What was done, in one line; `was` is what the device that held most did.
static std::string noteOn(const Balancer &balancer, const std::vector<MovePlan> &plans, double was,
                          double most, size_t devices) {
  std::ostringstream note;
  if (plans.empty()) {
    note << "balance: no activation moves, since the devices that hold most, " << was
         << ", would not hold less";
    return note.str();
  }
  note << "balance: no device holds more than " << most << " activations instead of " << was
       << ": devices ";
  for (size_t i = 0; i < plans.size(); ++i) {
    auto [heavy, light] = plans[i].pair;
    note << (i ? "; " : "") << heavy << " and " << light << " from " << balancer.peak(heavy)
         << " and " << balancer.peak(light) << " to " << plans[i].heavy << " and "
         << plans[i].light;
  }
  if (2 * plans.size() < devices)
    note << "; the others are left";
  return note.str();
}

/// The devices by what they hold, most first.
static std::vector<int> byPeak(const Balancer &balancer, size_t count) {
  std::vector<int> devices(count);
  std::iota(devices.begin(), devices.end(), 0);
  std::stable_sort(devices.begin(), devices.end(),
                   [&](int a, int b) { return balancer.peak(a) > balancer.peak(b); });
  return devices;
}

std::optional<Error> bitpipe::schedule::balance(Schedule &schedule, const Costs &costs) {
  if (schedule.placement.moves()) {
    schedule.note = oneLine(schedule.name) + " moves activations already: there is nothing to balance";
    return {};
  }
  if (schedule.placement.updates())
    return Error{oneLine(schedule.name) + " updates weights between micro-batches, expected a "
                 "schedule with one update to balance"};
  Schedule before = schedule;
  before.placement = forPlacing(schedule.placement);
  const Costs placing = forPlacing(costs);
  ErrorOr<Timing> timing = simulate(before.placement, before.order, placing);
  if (!timing)
    return Error{oneLine(schedule.name) + ": " + timing.error().text};
  Balancer balancer(before, placing, costs, *timing);
  std::vector<int> devices = byPeak(balancer, before.order.size());
  std::vector<std::optional<MovePlan>> best;
  double most = devices.size() % 2 ? balancer.peak(devices[devices.size() / 2]) : 0;
  for (size_t i = 0; 2 * i + 1 < devices.size(); ++i) {
    Partners pair{devices[i], devices[devices.size() - 1 - i]};
    best.push_back(balancer.bestPlan(pair));
    most = std::max(most, best.back() ? best.back()->most() : balancer.peak(pair.heavy));
  }
  std::vector<MovePlan> plans;
  for (std::optional<MovePlan> &plan : best)
    // All may hold as much as those that need most: moving more would gain nothing.
    if (plan && balancer.peak(plan->pair.heavy) > most * (1 + slack))
      plans.push_back(balancer.plan(plan->pair, most).value_or(*plan));
  balancer.apply(schedule, plans);
  timing = simulate(schedule.placement, schedule.order, costs);
  if (!timing)
    return Error{oneLine(schedule.name) + ", balanced: " + timing.error().text};
  schedule.note = noteOn(balancer, plans, balancer.peak(devices.front()), most, devices.size());
  return {};
}
