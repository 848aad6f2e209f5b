//===- Costs.cpp - Costs from the command line -----------------------------===//

#include "lib/Transforms/Schedule/Costs.h"

#include <cmath>
#include <cstdlib>

using namespace bitpipe::schedule;

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
    return &costs.transfer;
  if (name == "sum")
    return &costs.sum;
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
    bool isTime = end != number && !*end && std::isfinite(value) && value >= 0;
    bool isWork = target != &costs.transfer && target != &costs.sum;
    if (!target || !isTime || (isWork && value == 0))
      return Error{"cost '" + item +
                   "', expected F, B, I, W, comm or sum = a time, such as "
                   "F=1,B=2,I=1,W=1,comm=0,sum=0"};
    *target = value;
  }
  return costs;
}
