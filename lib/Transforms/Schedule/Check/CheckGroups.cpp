//===- CheckGroups.cpp - Gradients are summed where and when they must -----===//

#include "lib/Transforms/Schedule/Check/CheckText.h"

#include <algorithm>

using namespace bitpipe::schedule;
using Op = Instruction::Op;

static bool contains(const std::vector<int> &values, int value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

/// Positions on one device: of a group's sum, update and gather, of a stage's last
/// weight gradient.
struct GroupUse {
  std::vector<int> sum, update, gather, lastGradient;
};

static Checked collect(const Program &program, int device, const std::vector<int> &own,
                       GroupUse &use) {
  for (size_t i = 0; i < program.devices[device].size(); ++i) {
    const Instruction &instruction = program.devices[device][i];
    if (instruction.op == Op::Run &&
        makesWeightGradient(instruction.action.kind))
      use.lastGradient[instruction.action.stage] = int(i);
    bool isGather = instruction.op == Op::Run && instruction.action.kind == Kind::A;
    if (isGather || (!instruction.isCollective() && instruction.op != Op::Update))
      continue;
    auto fail = [&](const char *what) {
      return violation("groups", program, device, int(i), what);
    };
    int index = groupOf(instruction, own);
    const Group &group = program.groups[index];
    bool isScatter = instruction.op == Op::Run;
    bool inOrder = program.placement.scatters() && group.stages.size() == 1;
    if (instruction.op == Op::Reduce && inOrder)
      return fail("is a sum beside the scatter of its gradients, expected none");
    if (instruction.op == Op::Unshard && inOrder && program.placement.gathers())
      return fail("gives weights that are gathered before they are read, expected no unshard");
    if (!contains(group.devices, device))
      return fail("the device does not hold this group, expected nothing");
    if (instruction.isCollective() && group.devices.size() < 2 && !isScatter)
      return fail(instruction.op == Op::Reduce
                      ? "no other device holds this group, expected no sum"
                      : "no other device holds this group, expected no unshard");
    int &place = (instruction.op == Op::Update    ? use.update
                  : instruction.op == Op::Unshard ? use.gather
                                                  : use.sum)[index];
    if (place >= 0)
      return fail("comes a second time, expected once");
    place = int(i);
  }
  return {};
}

/// `isSharded`: another device gathers the group, or this one.
static Checked verify(const Program &program, int device, int index, bool isSharded,
                      const GroupUse &use) {
  const Group &group = program.groups[index];
  int sum = use.sum[index], update = use.update[index], last = -1;
  int gather = use.gather[index];
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
  if (isSharded && gather < 0)
    return missing(Instruction::unshard(index));
  if (isSharded && gather < update)
    return violation("groups", program, device, gather,
                     "comes before the update at position " + std::to_string(update));
  return {};
}

/// Those that some device has an unshard of, or that have to have one.
static std::vector<bool> unshardedGroups(const Program &program) {
  const Placement &placement = program.placement;
  std::vector<bool> result(program.groups.size());
  for (const auto &list : program.devices)
    for (const Instruction &instruction : list)
      if (instruction.op == Op::Unshard)
        result[instruction.group] = true;
  if (placement.shard() == Shard::Gradients)
    for (size_t g = 0; g < result.size(); ++g)
      if (program.groups[g].stages.size() == 1 && program.groups[g].devices.size() > 1)
        result[g] = true;
  return result;
}

Checked bitpipe::schedule::checkGroups(const Program &program) {
  if (program.placement.updates())
    return {}; // checkUpdates knows each sum's place, and that nothing is updated at the end.
  std::vector<bool> sharded = unshardedGroups(program);
  std::vector<int> own = ownGroups(program);
  for (int device = 0; device < int(program.devices.size()); ++device) {
    std::vector<int> none(program.groups.size(), -1);
    GroupUse use{none, none, none,
                 std::vector<int>(program.placement.stages(), -1)};
    if (Checked wrong = collect(program, device, own, use))
      return wrong;
    for (size_t g = 0; g < program.groups.size(); ++g)
      if (contains(program.groups[g].devices, device))
        if (Checked wrong = verify(program, device, int(g), sharded[g], use))
          return wrong;
  }
  return {};
}
