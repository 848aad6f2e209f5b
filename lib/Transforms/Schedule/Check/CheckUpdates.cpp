//===- CheckUpdates.cpp - Updates between micro-batches --------------------===//

#include "lib/Transforms/Schedule/Check/CheckText.h"
#include "lib/Transforms/Schedule/Core/Versions.h"

using namespace bitpipe::schedule;
using Op = Instruction::Op;

namespace {
/// What a stage has done on the device that is walked.
struct StageState {
  int updates = 0;
  int lastGradient = -1; // its micro-batch
};

class DeviceWalk {
public:
  DeviceWalk(const Program &program, int device)
      : program(program), placement(program.placement), device(device),
        states(placement.stages()), sums(program.groups.size()), held(program.groups.size(), -1),
        summed(placement.stages()) {
    for (size_t g = 0; g < program.groups.size(); ++g)
      for (int stage : program.groups[g].stages)
        addStage(int(g), stage);
  }

  Checked run() {
    for (size_t i = 0; i < program.devices[device].size(); ++i)
      if (std::string wrong = wrongWith(program.devices[device][i]); !wrong.empty())
        return violation("updates", program, device, int(i), wrong);
    return {};
  }

private:
  void addStage(int group, int stage);
  std::string wrongWith(const Instruction &instruction);
  std::string wrongUpdate(const Action &action);
  std::string wrongRun(const Action &action);
  std::string wrongSum(int group);

  const Program &program;
  const Placement &placement;
  int device;
  std::vector<StageState> states;
  std::vector<int> sums;                // so far, by group
  std::vector<int> held;                // the stage of each group, or -1; one (checkHolders)
  std::vector<std::vector<int>> summed; // the groups of each stage that several devices hold
};
} // namespace

void DeviceWalk::addStage(int group, int stage) {
  if (program.groups[group].devices.size() > 1)
    summed[stage].push_back(group);
  for (const Route &route : placement.routes())
    if (route.devices[stage] == device)
      held[group] = stage;
}

static std::string ofStage(const Action &action) {
  return " of stage " + std::to_string(action.stage);
}

/// What is wrong with an instruction, or nothing.
std::string DeviceWalk::wrongWith(const Instruction &instruction) {
  const Action &action = instruction.action;
  if (instruction.op == Op::Run && action.kind == Kind::U)
    return wrongUpdate(action);
  if (instruction.op == Op::Run)
    return wrongRun(action);
  if (instruction.op == Op::Reduce)
    return wrongSum(instruction.group);
  if (instruction.op == Op::Unshard || instruction.op == Op::Update)
    return "expected nothing of this at the end of a schedule that updates between "
           "micro-batches";
  return {};
}

std::string DeviceWalk::wrongUpdate(const Action &action) {
  StageState &state = states[action.stage];
  int expected = placement.updates().versions[action.stage];
  if (action.versions != expected || expected < 1)
    return "says that there are " + std::to_string(action.versions) +
           " versions of the weights" + ofStage(action) + ", expected " +
           (expected < 1 ? "at least 1"
                         : std::to_string(expected) + " as at its first update");
  if (groupOf(placement, action.microbatch) != state.updates)
    return "comes out of turn, expected the updates" + ofStage(action) +
           " in the order of their micro-batches";
  ++state.updates;
  for (int group : summed[action.stage])
    if (sums[group] != state.updates)
      return "comes without " + toString(Instruction::reduce(group), program) +
             " before it, expected one for each update";
  return {};
}

std::string DeviceWalk::wrongRun(const Action &action) {
  StageState &state = states[action.stage];
  bool isGradient = makesInputGradient(action.kind) || makesWeightGradient(action.kind);
  if (isGradient && groupOf(placement, action.microbatch) > state.updates)
    return "comes before the update" + ofStage(action) + " after micro-batch " +
           std::to_string(endOfGroup(placement, state.updates)) +
           ", expected behind it: the gradients of both are summed in one place";
  if (!makesWeightGradient(action.kind))
    return {};
  if (action.microbatch < state.lastGradient)
    return "comes behind the weight gradient of micro-batch " +
           std::to_string(state.lastGradient) +
           ", expected those of a stage in the order of the micro-batches";
  state.lastGradient = action.microbatch;
  return {};
}

/// A sum is of all gradients of the group whose update comes next, and of no others.
std::string DeviceWalk::wrongSum(int number) {
  const Group &group = program.groups[number];
  int stage = held[number];
  if (stage < 0)
    return "the device does not hold this group, expected nothing";
  if (group.devices.size() < 2)
    return "no other device holds this group, expected no sum";
  const StageState &state = states[stage];
  if (sums[number]++ != state.updates)
    return "comes a second time before the update of stage " + std::to_string(stage) +
           ", expected once for each";
  if (state.lastGradient < 0 || groupOf(placement, state.lastGradient) != state.updates ||
      !endsOwnGroup(placement, stage, state.lastGradient))
    return "comes before the last weight gradient of stage " + std::to_string(stage) +
           " on the device up to micro-batch " +
           std::to_string(endOfGroup(placement, state.updates)) + ", expected behind it";
  return {};
}

Checked bitpipe::schedule::checkUpdates(const Program &program) {
  if (!program.placement.updates())
    return {};
  if (program.placement.moves())
    return Violation{"updates", -1, -1,
                     "weights are updated between micro-batches and activations move, expected "
                     "one of the two"};
  if (std::optional<Error> wrong = checkHolders(program.placement, program.groups))
    return Violation{"updates", -1, -1, wrong->text};
  for (int device = 0; device < int(program.devices.size()); ++device)
    if (Checked wrong = DeviceWalk(program, device).run())
      return wrong;
  return {};
}
