//===- NormShares.cpp - Who counts which gradients in the norm --------------===//

#include "lib/Runtime/Plan/NormShares.h"

#include <algorithm>
#include <map>

using namespace bitpipe;

static Range countedBy(int64_t device, const std::vector<int64_t> &holders, int64_t elements) {
  constexpr int64_t unit = 64; // elements of a line of a GPU's memory
  int64_t units = int64_t(std::max<size_t>(holders.size(), 1)) * unit;
  int64_t part = (elements + units - 1) / units * unit;
  int64_t member = std::ranges::find(holders, device) - holders.begin();
  return {std::min(member * part, elements), std::min((member + 1) * part, elements)};
}

void bitpipe::shareOutNorm(DeviceList &device, int64_t number) {
  std::map<std::vector<int64_t>, std::vector<int64_t>> holders; // by stages
  for (const Instruction &op : device.instructions)
    if (auto *sum = std::get_if<Collective>(&op))
      holders[sum->stages] = sum->devices;
  for (Instruction &op : device.instructions)
    if (auto *step = std::get_if<Step>(&op); step && step->isBetween())
      if (auto found = holders.find(step->stages); found != holders.end())
        step->counted = countedBy(number, found->second, step->elements);
}
