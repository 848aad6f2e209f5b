//===- Costs.cpp - What computing and sending takes ------------------------===//

#include "lib/Transforms/Schedule/Costs.h"

#include <algorithm>
#include <cstdlib>

using namespace bitpipe::schedule;

double Costs::sumOf(const std::vector<int> &sharing) const {
  double longest = 0;
  for (int index : sharing)
    longest = std::max(longest, stage(index).sum);
  return longest;
}

bool Costs::hasSums() const {
  return std::any_of(stages.begin(), stages.end(),
                     [](const StageCost &cost) { return cost.sum > 0; });
}

bool Costs::hasMessages() const {
  auto takesTime = [](const Link &link) {
    return link.transfer > 0 || link.latency > 0;
  };
  if (links.empty())
    return takesTime(link);
  return std::any_of(links.begin(), links.end(), [&](const auto &from) {
    return std::any_of(from.begin(), from.end(), takesTime);
  });
}

std::optional<Error> Costs::check(const Placement &placement) const {
  auto counts = [](const char *what, size_t got, int expected) {
    return Error{"costs of " + std::to_string(got) + " " + what +
                 ", expected " + std::to_string(expected)};
  };
  if (stages.size() != 1 && int(stages.size()) != placement.stages())
    return counts("stages", stages.size(), placement.stages());
  if (!links.empty() && int(links.size()) != placement.devices())
    return counts("devices' links", links.size(), placement.devices());
  if (!memory.empty() && int(memory.size()) != placement.devices())
    return counts("devices' memory", memory.size(), placement.devices());
  return {};
}

/// Adds what grows with the number of layers in a stage.
static void add(StageCost &sum, const StageCost &stage, double part) {
  for (double StageCost::*field :
       {&StageCost::forward, &StageCost::inputGradient,
        &StageCost::weightGradient, &StageCost::backward,
        &StageCost::activation, &StageCost::state, &StageCost::sum})
    sum.*field += part * stage.*field;
}

Costs bitpipe::schedule::recut(const Costs &costs, int from, int to) {
  StageCost nothing{0, 0, 0, 0, 0, 0, 0, 0};
  Costs result = costs;
  if (costs.stages.size() == 1) {
    StageCost &stage = result.stages.front() = nothing;
    add(stage, costs.stages.front(), double(from) / to);
    stage.message = costs.stages.front().message;
    return result;
  }
  from = int(costs.stages.size());
  result.stages.assign(to, nothing);
  // In units of 1 / (from * to) of the model, so that borders are exact.
  for (int begin = 0, end; begin < from * to; begin = end) {
    const StageCost &stage = costs.stages[begin / to];
    StageCost &sum = result.stages[begin / from];
    end = std::min((begin / to + 1) * to, (begin / from + 1) * from);
    add(sum, stage, double(end - begin) / to);
    sum.message = stage.message;
  }
  return result;
}

std::vector<double> bitpipe::schedule::stateOf(const Placement &placement,
                                               const Costs &costs) {
  std::vector<double> result(placement.devices());
  for (int stage = 0; stage < placement.stages(); ++stage)
    for (int device : placement.holders(stage))
      result[device] += costs.stage(stage).state;
  return result;
}

/// The number that a name stands for, or nothing.
static double *field(Costs &costs, std::string_view name) {
  StageCost &stage = costs.stages.front();
  if (name == "F")
    return &stage.forward;
  if (name == "B")
    return &stage.backward;
  if (name == "I")
    return &stage.inputGradient;
  if (name == "W")
    return &stage.weightGradient;
  if (name == "comm")
    return &costs.link.transfer;
  if (name == "sum")
    return &stage.sum;
  return nullptr;
}

ErrorOr<Costs> bitpipe::schedule::parseCosts(std::string_view text) {
  Costs costs;
  while (!text.empty()) {
    std::string item(text.substr(0, text.find(',')));
    text.remove_prefix(std::min(item.size() + 1, text.size()));
    size_t equals = std::min(item.find('='), item.size());
    double *target = field(costs, std::string_view(item).substr(0, equals));
    const char *number = item.c_str() + std::min(equals + 1, item.size());
    char *end = nullptr;
    double value = std::strtod(number, &end);
    // More would not leave room for sums.
    bool isTime = end != number && !*end && value >= 0 && value <= 1e100;
    bool isWork = target != &costs.link.transfer &&
                  target != &costs.stages.front().sum;
    if (!target || !isTime || (isWork && value == 0))
      return Error{"cost '" + item +
                   "', expected F, B, I, W, comm or sum = a time, such as "
                   "F=1,B=2,I=1,W=1,comm=0,sum=0"};
    *target = value;
  }
  return costs;
}
