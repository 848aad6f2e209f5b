//===- CheckGroups.cpp - Gradients are summed where and when they must -----===//

#include "lib/Transforms/Schedule/Check/CheckText.h"

#include <algorithm>
#include <map>

using namespace bitpipe::schedule;
using Op = Instruction::Op;

static bool contains(const std::vector<int> &values, int value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

/// Positions on one device: of a group's sum and update, of a stage's last
/// weight gradient.
struct GroupUse {
  std::vector<int> sum, update, lastGradient;
};

static Checked collect(const Program &program, int device, GroupUse &use) {
  for (size_t i = 0; i < program.devices[device].size(); ++i) {
    const Instruction &instruction = program.devices[device][i];
    if (instruction.op == Op::Run &&
        makesWeightGradient(instruction.action.kind))
      use.lastGradient[instruction.action.stage] = int(i);
    if (instruction.op != Op::Reduce && instruction.op != Op::Update)
      continue;
    auto fail = [&](const char *what) {
      return violation("groups", program, device, int(i), what);
    };
    const Group &group = program.groups[instruction.group];
    if (!contains(group.devices, device))
      return fail("the device does not hold this group, expected nothing");
    bool isSum = instruction.op == Op::Reduce;
    if (isSum && group.devices.size() < 2)
      return fail("no other device holds this group, expected no sum");
    int &place = (isSum ? use.sum : use.update)[instruction.group];
    if (place >= 0)
      return fail("comes a second time, expected once");
    place = int(i);
  }
  return {};
}

static Checked verify(const Program &program, int device, int index,
                      const GroupUse &use) {
  const Group &group = program.groups[index];
  int sum = use.sum[index], update = use.update[index], last = -1;
  for (int stage : group.stages)
    last = std::max(last, use.lastGradient[stage]);
  auto missing = [&](Instruction instruction) {
    return violation("groups", device,
                     toString(instruction, program) +
                         " is missing, expected once");
  };
  bool shared = group.devices.size() > 1;
  if (shared && sum < 0)
    return missing(Instruction::reduce(index));
  if (update < 0)
    return missing(Instruction::update(index));
  int first = shared ? sum : update;
  if (first < last)
    return violation("groups", program, device, first,
                     "comes before the last weight gradient of the group, " +
                         placeText(program, device, last));
  if (update < first)
    return violation("groups", program, device, update,
                     "comes before the sum at position " +
                         std::to_string(sum));
  return {};
}

Checked bitpipe::schedule::checkGroups(const Program &program) {
  for (int device = 0; device < int(program.devices.size()); ++device) {
    std::vector<int> none(program.groups.size(), -1);
    GroupUse use{none, none,
                 std::vector<int>(program.placement.stages(), -1)};
    if (Checked wrong = collect(program, device, use))
      return wrong;
    for (size_t g = 0; g < program.groups.size(); ++g)
      if (contains(program.groups[g].devices, device))
        if (Checked wrong = verify(program, device, int(g), use))
          return wrong;
  }
  return {};
}

Checked bitpipe::schedule::checkSumOrder(const Program &program) {
  std::vector<std::vector<int>> sums(program.devices.size());
  for (size_t device = 0; device < program.devices.size(); ++device)
    for (size_t i = 0; i < program.devices[device].size(); ++i)
      if (program.devices[device][i].op == Op::Reduce)
        sums[device].push_back(int(i));

  // Per pair of devices that share a group, the last shared sum of the first
  // one must have its place on the second: walk both lists side by side.
  std::map<std::pair<int, int>, std::vector<int>> shared;
  for (int device = 0; device < int(program.devices.size()); ++device)
    for (int position : sums[device]) {
      int index = program.devices[device][position].group;
      for (int other : program.groups[index].devices)
        if (other > device)
          shared[{device, other}].push_back(position);
    }
  for (const auto &[pair, positions] : shared) {
    auto [device, other] = pair;
    size_t k = 0;
    for (int position : sums[other]) {
      int index = program.devices[other][position].group;
      if (!contains(program.groups[index].devices, device))
        continue;
      if (k >= positions.size())
        return violation("sum order", program, other, position,
                         "has no partner on device " + std::to_string(device));
      if (program.devices[device][positions[k]].group != index)
        return violation("sum order", program, other, position,
                         "device " + std::to_string(device) +
                             " starts another sum at this turn, " +
                             placeText(program, device, positions[k]));
      ++k;
    }
    if (k < positions.size())
      return violation("sum order", program, device, positions[k],
                       "has no partner on device " + std::to_string(other));
  }
  return {};
}
