//===- UpdateArguments.cpp - What a printed update is called with ----------------===//

#include "lib/Runtime/Printed/Printers.h"

using namespace bitpipe;

std::vector<std::string> printed::updateArguments(const Step &op, size_t instruction,
                                                  const std::vector<std::string> &slots) {
  std::vector<std::string> arguments = {"{.elements = " + std::to_string(op.elements),
                                        ".begin = " + std::to_string(op.stepped.begin),
                                        ".end = " + std::to_string(op.stepped.end),
                                        ".weights = " + slots[op.weights],
                                        ".gradients = " + slots[op.gradients]};
  auto add = [&](const char *name, std::optional<int64_t> slot) {
    if (slot)
      arguments.push_back(name + slots[*slot]);
  };
  add(".moment1 = ", op.moment1);
  add(".moment2 = ", op.moment2);
  add(".working = ", op.working);
  auto addNumber = [&](const char *name, int64_t value) {
    if (value)
      arguments.push_back(name + std::to_string(value));
  };
  addNumber(".workingElements = ", op.workingElements);
  addNumber(".weightsAt = ", op.weightsAt.value_or(0));
  if (op.gradientsAt)
    arguments.push_back(".gradientsAt = " + std::to_string(*op.gradientsAt));
  if (op.isBetween())
    arguments.push_back(".between = {{.microbatch = " + std::to_string(op.microbatch) +
                        ", .instruction = " + std::to_string(instruction) +
                        ", .countedBegin = " + std::to_string(op.counted.begin) +
                        ", .countedEnd = " + std::to_string(op.counted.end) + "}}");
  arguments.back() += "}";
  return arguments;
}
