//===- Offload.cpp - Activations that the host keeps for a while -----------===//

#include "lib/Transforms/Schedule/Simulate/Offload.h"

#include "lib/Transforms/Schedule/Core/Text.h"
#include "lib/Transforms/Schedule/Simulate/Balancer.h"

#include <sstream>

using namespace bitpipe::schedule;

/// What an order must not do already.
static std::optional<Error> checkOrder(const Schedule &schedule) {
  if (schedule.placement.moves())
    return Error{oneLine(schedule.name) + " moves activations already, expected none to offload"};
  if (schedule.placement.updates())
    return Error{oneLine(schedule.name) + " updates weights between micro-batches, expected a "
                 "schedule with one update to offload"};
  return {};
}

/// A size of `unit` is one activation.
static Error tooFew(const Schedule &schedule, const Balancer &balancer, int device, double most,
                    double unit) {
  std::ostringstream text;
  text << oneLine(schedule.name) << ": device " << device << " holds "
       << balancer.peak(device) / unit << " activations and can do with "
       << balancer.leastOnDevice(device) / unit << " where its host keeps the others, expected "
       << most / unit << " at most";
  return Error{text.str()};
}

/// What was done, in one line.
static std::string noteOn(const Balancer &balancer, const std::vector<MovePlan> &plans,
                          double most, double unit, size_t devices) {
  std::ostringstream note;
  if (plans.empty()) {
    note << "offload: no activation moves to a host, since no device holds more than " << most;
    return note.str();
  }
  note << "offload: no device holds more than " << most << " activations, hosts keep the others: ";
  for (size_t i = 0; i < plans.size(); ++i) {
    int device = plans[i].pair.heavy;
    note << (i ? ", " : "") << "device " << device << " held " << balancer.peak(device) / unit
         << " and copies " << plans[i].moved.size();
  }
  if (plans.size() < devices)
    note << "; the others are left";
  return note.str();
}

std::optional<Error> bitpipe::schedule::offload(Schedule &schedule, const Costs &costs,
                                                double most, double counted) {
  if (std::optional<Error> wrong = checkOrder(schedule))
    return wrong;
  ErrorOr<Timing> timing = simulate(schedule.placement, schedule.order, costs);
  if (!timing)
    return Error{oneLine(schedule.name) + ": " + timing.error().text};
  const Schedule before = schedule;
  double unit = meanActivation(before.placement, costs);
  Balancer balancer(before, costs, costs, *timing);
  std::vector<MovePlan> plans;
  for (int device = 0; device < int(before.order.size()); ++device) {
    if (balancer.peak(device) <= most * unit * (1 + balanceSlack))
      continue;
    std::optional<MovePlan> plan = balancer.planOnHost(device, most * unit);
    if (!plan)
      return tooFew(before, balancer, device, most * unit, unit / counted);
    plans.push_back(std::move(*plan));
  }
  balancer.apply(schedule, plans);
  timing = simulate(schedule.placement, schedule.order, costs);
  if (!timing)
    return Error{oneLine(schedule.name) + ", offloaded: " + timing.error().text};
  schedule.note = noteOn(balancer, plans, most, unit, before.order.size());
  return {};
}
