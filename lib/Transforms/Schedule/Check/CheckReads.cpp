//===- CheckReads.cpp - What is read is there -------------------------------===//

#include "lib/Transforms/Schedule/Check/CheckText.h"

using namespace bitpipe::schedule;
using Op = Instruction::Op;

namespace {
/// Where tensors are by the table of effects, while the lists are walked one device after the
/// other: so the last device that had one is this one, or it is not here.
class Walk {
public:
  Walk(const Program &program)
      : program(program), placement(program.placement), known(tensorCount(placement)) {
    forEachGiven(placement, [&](int device, const Tensor &given) {
      known[tensorKey(placement, given)].device = device;
    });
  }

  /// What an action reads, of sorts that are meant, and its device does not have; or nothing.
  std::string lacking(int device, const Action &action, bool (*isMeant)(Tensor::Sort)) const;
  /// What is wrong with what an action makes, or nothing.
  std::string needlessly(int device, const Action &action) const;
  void add(int device, int position);
  /// Where a device has gathered what it never drops, or -1.
  int undropped(int device) const;

private:
  static constexpr int nobody = -1, gone = -2;
  struct Place {
    int device = nobody, position = -1;
  };
  const Place &at(const Tensor &tensor) const { return known[tensorKey(placement, tensor)]; }
  const Place &gathered(const Action &action) const {
    return at({Tensor::Whole, action.stage, action.microbatch});
  }
  std::string textOf(const Tensor &lacked) const;

  const Program &program;
  const Placement &placement;
  std::vector<Place> known; // by tensorKey
};
} // namespace

std::string Walk::textOf(const Tensor &lacked) const {
  constexpr const char *names[tensorSorts] = {"the activation", "the gradient",
                                              "the forward", "the input gradient",
                                              "the input", "what is kept",
                                              "what is evicted", "the weight gradient",
                                              "the gathered weights", "version "};
  if (lacked.sort == Tensor::Loaded)
    return "reads what is evicted, expected " +
           toString({Kind::L, false, lacked.stage, lacked.microbatch}) + " before it";
  bool isAgain = lacked.sort == Tensor::Saved && placement.recomputes(lacked.stage);
  std::string text = std::string("reads ") +
                     (isAgain ? "the recomputation" : names[lacked.sort]);
  if (lacked.sort == Tensor::Weights)
    text += std::to_string(lacked.microbatch) + " of the weights";
  text += " of stage " + std::to_string(lacked.stage);
  if (at(lacked).device == gone)
    return text + ", which is freed before it";
  if (lacked.sort == Tensor::Weights)
    return text + ", which no update before it makes";
  if (lacked.sort == Tensor::Whole)
    return text + ", which no gather before it makes";
  if (lacked.sort == Tensor::Sum)
    return text + ", micro-batch " + std::to_string(lacked.microbatch) +
           ", which does not run before it";
  if (lacked.sort == Tensor::Input)
    return text + ", which the forward keeps, but that does not run before it";
  return text + ", which is neither run nor received before it";
}

std::string Walk::lacking(int device, const Action &action,
                          bool (*isMeant)(Tensor::Sort)) const {
  for (const Tensor &tensor : effect(placement, action).reads)
    if (isMeant(tensor.sort) && at(tensor).device != device)
      return textOf(tensor);
  return {};
}

std::string Walk::needlessly(int device, const Action &action) const {
  Tensor saved{Tensor::Saved, action.stage, action.microbatch};
  if (action.kind == Kind::L && at(saved).device != gone)
    return "loads what is not evicted before it";
  if (action.kind == Kind::A && gathered(action).device == device)
    return "gathers what is there, expected it dropped since " +
           placeText(program, device, gathered(action).position);
  return {};
}

void Walk::add(int device, int position) {
  const Instruction &instruction = program.devices[device][position];
  std::optional<Action> action = actionOf(instruction);
  if (!action && instruction.op == Op::Recv)
    known[tensorKey(placement, tensorOf(instruction.action))] = {device, position};
  if (!action)
    return;
  Effect done = effect(placement, *action);
  for (const Tensor &made : done.makes)
    if (!sendsMove(action->kind)) // that is made where it comes to
      known[tensorKey(placement, made)] = {device, position};
  for (const Tensor &freed : done.frees)
    known[tensorKey(placement, freed)] = {gone, position};
}

int Walk::undropped(int device) const {
  for (const Instruction &instruction : program.devices[device])
    if (instruction.op == Op::Run && instruction.action.kind == Kind::A &&
        gathered(instruction.action).device == device)
      return gathered(instruction.action).position;
  return -1;
}

/// What is read of sorts that are meant.
static Checked checkReads(const Program &program, const char *invariant,
                          bool (*isMeant)(Tensor::Sort)) {
  Walk walk(program);
  for (int device = 0; device < int(program.devices.size()); ++device) {
    for (size_t i = 0; i < program.devices[device].size(); ++i) {
      std::optional<Action> action = actionOf(program.devices[device][i]);
      std::string wrong = action ? walk.lacking(device, *action, isMeant) : "";
      if (action && wrong.empty())
        wrong = walk.needlessly(device, *action);
      if (!wrong.empty())
        return violation(invariant, program, device, int(i), wrong);
      walk.add(device, int(i));
    }
    if (int position = walk.undropped(device); position >= 0)
      return violation(invariant, program, device, position, "gathers what is never dropped");
  }
  return {};
}

Checked bitpipe::schedule::checkKept(const Program &program) {
  return checkReads(program, "kept", [](Tensor::Sort sort) { return !travels(sort); });
}

Checked bitpipe::schedule::checkReadiness(const Program &program) {
  return checkReads(program, "readiness", travels);
}
