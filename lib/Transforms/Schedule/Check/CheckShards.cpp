//===- CheckShards.cpp - Slices are gathered, dropped and scattered ---------===//

#include "lib/Transforms/Schedule/Check/CheckText.h"

using namespace bitpipe::schedule;
using Op = Instruction::Op;

namespace {
/// Of one device, by stage.
struct ShardUse {
  std::vector<int> gathered, scattered; // where, or -1
};
} // namespace

static Checked visit(const Program &program, int device, int position, ShardUse &use) {
  const Instruction &instruction = program.devices[device][position];
  const Action &action = instruction.action;
  if (instruction.op != Op::Run || !isOfShards(action.kind))
    return {};
  auto fail = [&](const std::string &what) {
    return violation("shards", program, device, position, what);
  };
  int &gathered = use.gathered[action.stage], &scattered = use.scattered[action.stage];
  if (action.kind == Kind::D) {
    gathered = -1;
    return {};
  }
  int &place = action.kind == Kind::A ? gathered : scattered;
  if (place >= 0)
    return fail(action.kind == Kind::A
                    ? "gathers what is there, expected it dropped since " +
                          placeText(program, device, place)
                    : "comes a second time, expected once");
  place = position;
  return {};
}

Checked bitpipe::schedule::checkShards(const Program &program) {
  const Placement &placement = program.placement;
  for (int device = 0; placement.scatters() && device < placement.devices(); ++device) {
    std::vector<int> nowhere(placement.stages(), -1);
    ShardUse use{nowhere, nowhere};
    for (size_t i = 0; i < program.devices[device].size(); ++i)
      if (Checked wrong = visit(program, device, int(i), use))
        return wrong;
    for (int stage = 0; stage < placement.stages(); ++stage)
      if (use.gathered[stage] >= 0)
        return violation("shards", program, device, use.gathered[stage],
                         "gathers what is never dropped");
  }
  for (const Route &route : placement.routes())
    for (int stage = 0; placement.scatters() && stage < placement.stages(); ++stage) {
      const std::vector<Instruction> &list = program.devices[route.devices[stage]];
      bool isThere = std::ranges::any_of(list, [&](const Instruction &instruction) {
        return instruction.op == Op::Run && instruction.action.kind == Kind::S &&
               instruction.action.stage == stage;
      });
      if (!isThere)
        return violation("shards", route.devices[stage],
                         "the gradients of stage " + std::to_string(stage) +
                             " are never scattered, expected once");
    }
  return {};
}
