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
} // namespace

static std::string ofStage(const Action &action) {
  return " of stage " + std::to_string(action.stage);
}

/// What is wrong with a run, or nothing.
static std::string wrongRun(const Placement &placement, const Action &action,
                            StageState &state) {
  if (action.kind == Kind::U) {
    int expected = placement.updates().versions[action.stage];
    if (action.versions != expected || expected < 1)
      return "says that there are " + std::to_string(action.versions) +
             " versions of the weights" + ofStage(action) + ", expected " +
             (expected < 1 ? "at least 1"
                           : std::to_string(expected) + " as at its first update");
    if (groupOf(placement, action.microbatch) != state.updates++)
      return "comes out of turn, expected the updates" + ofStage(action) +
             " in the order of their micro-batches";
    return {};
  }
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

static Checked checkDevice(const Program &program, int device) {
  std::vector<StageState> states(program.placement.stages());
  for (size_t i = 0; i < program.devices[device].size(); ++i) {
    const Instruction &instruction = program.devices[device][i];
    std::string wrong;
    if (instruction.op == Op::Run)
      wrong = wrongRun(program.placement, instruction.action,
                       states[instruction.action.stage]);
    else if (instruction.isCollective() || instruction.op == Op::Update)
      wrong = "expected nothing of this at the end of a schedule that updates between "
              "micro-batches";
    if (!wrong.empty())
      return violation("updates", program, device, int(i), wrong);
  }
  return {};
}

Checked bitpipe::schedule::checkUpdates(const Program &program) {
  if (!program.placement.updates())
    return {};
  if (program.placement.moves())
    return Violation{"updates", -1, -1,
                     "weights are updated between micro-batches and activations move, expected "
                     "one of the two"};
  ErrorOr<std::vector<Group>> own = makeGroups(program.placement, {});
  for (const std::vector<Group> &groups : {*own, program.groups})
    if (std::optional<Error> wrong = checkHolders(program.placement, groups))
      return Violation{"updates", -1, -1, wrong->text};
  for (int device = 0; device < int(program.devices.size()); ++device)
    if (Checked wrong = checkDevice(program, device))
      return wrong;
  return {};
}
