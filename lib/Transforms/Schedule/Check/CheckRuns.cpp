//===- CheckRuns.cpp - Everything runs once, and when it can ---------------===//

#include "lib/Transforms/Schedule/Check/CheckText.h"

using namespace bitpipe::schedule;
using Op = Instruction::Op;

static std::string outOf(const char *what, int got, int count) {
  return std::string(what) + " " + std::to_string(got) + ", expected 0 to " +
         std::to_string(count - 1);
}

/// What is wrong with the name of what is of shards, or nothing.
static std::string wrongShard(const Placement &placement, const Action &action) {
  bool isKnown = action.kind == Kind::S ? placement.scatters() : placement.gathers();
  if (!isKnown)
    return std::string("a run of kind ") + letterOf(action.kind) + ", expected none: " +
           nameOf(placement.shard()) + " of a stage is sharded";
  int first = placement.firstOf(action.stage, action.microbatch);
  if (action.microbatch != first)
    return "micro-batch " + std::to_string(action.microbatch) + ", expected " +
           std::to_string(first) + ", the first that its device runs the stage for";
  return {};
}

/// What is wrong with the names in an instruction, or nothing.
static std::string wrongName(const Program &program, int device,
                             const Instruction &instruction) {
  const Placement &placement = program.placement;
  const Action &action = instruction.action;
  bool isOfGroup = instruction.op != Op::Run && instruction.isCollective();
  if (isOfGroup || instruction.op == Op::Update) {
    if (instruction.group < 0 ||
        size_t(instruction.group) >= program.groups.size())
      return outOf("group", instruction.group, int(program.groups.size()));
    return {};
  }
  if (action.stage < 0 || action.stage >= placement.stages())
    return outOf("stage", action.stage, placement.stages());
  if (action.microbatch < 0 || action.microbatch >= placement.microbatches())
    return outOf("micro-batch", action.microbatch, placement.microbatches());
  if (instruction.op == Op::Run && isMove(action.kind))
    return "a run of kind " + std::string(1, letterOf(action.kind)) +
           ", expected F, B, I, W or R: what moves is sent and received";
  if (instruction.op == Op::Run)
    return isOfShards(action.kind) ? wrongShard(placement, action) : "";
  if (sendsMove(action.kind) && placement.keeper(action.stage, action.microbatch) < 0)
    return "no device keeps what it moves, expected one that receives it";
  if (instruction.peer < 0 || instruction.peer >= placement.devices())
    return outOf("device", instruction.peer, placement.devices());
  bool ofHost = sendsMove(action.kind) && placement.isOnHost(action.stage, action.microbatch);
  if (instruction.peer == device && !ofHost)
    return "a message to the device itself, expected another one";
  if (action.kind != Kind::F && action.kind != Kind::B && !sendsMove(action.kind))
    return "a message of kind " + std::string(1, letterOf(action.kind)) +
           ", expected F, B, E or G";
  if (instruction.channel < 0 || size_t(instruction.channel) >= program.channels.size())
    return outOf("channel", instruction.channel, int(program.channels.size()));
  auto [from, to] = program.channels[instruction.channel];
  if (std::minmax(from, to) != std::minmax(device, instruction.peer))
    return "channel " + std::to_string(instruction.channel) + ", which is between devices " +
           std::to_string(from) + " and " + std::to_string(to) + ", expected one of the message's";
  return {};
}

Checked bitpipe::schedule::checkNames(const Program &program) {
  if (int(program.devices.size()) != program.placement.devices())
    return Violation{"names", -1, -1,
                     std::to_string(program.devices.size()) +
                         " device lists, expected " +
                         std::to_string(program.placement.devices())};
  if (std::optional<Error> wrong = checkShardable(program.placement))
    return Violation{"names", -1, -1, wrong->text};
  for (size_t device = 0; device < program.devices.size(); ++device)
    for (size_t i = 0; i < program.devices[device].size(); ++i) {
      std::string wrong =
          wrongName(program, int(device), program.devices[device][i]);
      if (!wrong.empty())
        return violation("names", program, int(device), int(i), wrong);
    }
  return {};
}

/// What is wrong with there being an update, or nothing.
static std::string needlessUpdate(const Placement &placement, const Action &action) {
  int every = placement.updates().every;
  if (action.kind != Kind::U ||
      (every && endsOwnGroup(placement, action.stage, action.microbatch)))
    return {};
  return every ? "runs, expected updates after every " + std::to_string(every) +
                     " micro-batches as the first one says"
               : "runs, expected no update between micro-batches";
}

Checked bitpipe::schedule::checkExactlyOnce(const Program &program) {
  const Placement &placement = program.placement;
  int every = placement.updates().every;
  if (every && placement.microbatches() % every)
    return Violation{"exactly once", -1, -1,
                     std::to_string(placement.microbatches()) +
                         " micro-batches, expected a multiple of the " +
                         std::to_string(every) + " between updates"};
  // One bit per kind.
  std::vector<uint8_t> seen(size_t(placement.stages()) *
                            placement.microbatches());
  for (size_t device = 0; device < program.devices.size(); ++device)
    for (size_t i = 0; i < program.devices[device].size(); ++i) {
      const Instruction &instruction = program.devices[device][i];
      if (instruction.op != Op::Run)
        continue;
      const Action &action = instruction.action;
      auto fail = [&](const std::string &what) {
        return violation("exactly once", program, int(device), int(i), what);
      };
      int place = placement.device(action.stage, action.microbatch);
      if (place != int(device))
        return fail("runs here, expected on device " + std::to_string(place) +
                    " by its route");
      if (isOfShards(action.kind))
        continue; // see checkShards
      uint8_t &kinds = seen[size_t(action.stage) * placement.microbatches() +
                            action.microbatch];
      uint8_t bit = 1 << int(action.kind);
      if (kinds & bit)
        return fail("runs a second time, expected once");
      kinds |= bit;
      constexpr uint8_t b = 1 << int(Kind::B),
                        split = 1 << int(Kind::I) | 1 << int(Kind::W);
      if ((kinds & b) && (kinds & split))
        return fail("both a whole backward and a part of it run, expected one "
                    "way");
      if (action.kind == Kind::R && !placement.recomputes(action.stage))
        return fail("runs, but stage " + std::to_string(action.stage) +
                    " does not recompute");
      if (std::string wrong = needlessUpdate(placement, action); !wrong.empty())
        return fail(wrong);
    }

  for (int stage = 0; stage < placement.stages(); ++stage)
    for (int m = 0; m < placement.microbatches(); ++m) {
      uint8_t kinds = seen[size_t(stage) * placement.microbatches() + m];
      auto missing = [&](Kind kind) {
        return violation("exactly once", placement.device(stage, m),
                         toString({kind, false, stage, m}) +
                             " never runs, expected once");
      };
      auto has = [&](Kind kind) { return kinds >> int(kind) & 1; };
      if (!has(Kind::F))
        return missing(Kind::F);
      if (!has(Kind::B) && !has(Kind::I))
        return missing(has(Kind::W) ? Kind::I : Kind::B);
      if (has(Kind::I) && !has(Kind::W))
        return missing(Kind::W);
      if (placement.recomputes(stage) && !has(Kind::R))
        return violation("exactly once", placement.device(stage, m),
                         toString({Kind::R, false, stage, m}) +
                             " never runs, expected once: stage " +
                             std::to_string(stage) + " recomputes");
      if (every && endsOwnGroup(placement, stage, m) && !has(Kind::U))
        return violation("exactly once", placement.device(stage, m),
                         "the update of stage " + std::to_string(stage) +
                             " after micro-batch " + std::to_string(m) +
                             " never runs, expected once");
    }
  return {};
}

namespace {
/// What one device has so far, by tensorKey.
class Possessions {
public:
  Possessions(const Placement &placement)
      : placement(placement), owner(tensorCount(placement), nobody) {
    forEachGiven(placement, [&](int device, const Tensor &given) {
      owner[tensorKey(placement, given)] = device;
    });
  }

  void add(int device, const Instruction &instruction) {
    if (instruction.op == Op::Recv)
      owner[tensorKey(placement, tensorOf(instruction.action))] = device;
    if (instruction.op != Op::Run)
      return;
    Effect done = effect(placement, instruction.action);
    for (const Tensor &tensor : done.makes)
      owner[tensorKey(placement, tensor)] = device;
    for (const Tensor &tensor : done.frees)
      owner[tensorKey(placement, tensor)] = gone;
  }
  /// Lists are walked one device after the other, so the last owner is this
  /// device or the tensor is not here.
  bool has(int device, const Tensor &tensor) const {
    return owner[tensorKey(placement, tensor)] == device;
  }
  bool wasFreed(const Tensor &tensor) const {
    return owner[tensorKey(placement, tensor)] == gone;
  }

private:
  static constexpr int nobody = -1, gone = -2;

  const Placement &placement;
  std::vector<int> owner;
};
} // namespace

/// What a run reads and its device does not have, or nothing.
static std::string lacking(const Possessions &possessions,
                           const Placement &placement, int device,
                           const Action &action) {
  constexpr const char *names[tensorSorts] = {"the activation", "the gradient",
                                              "the forward", "the input gradient",
                                              "the input", "what is kept",
                                              "what is evicted", "the weight gradient",
                                              "the gathered weights", "version "};
  for (const Tensor &tensor : effect(placement, action).reads) {
    if (possessions.has(device, tensor))
      continue;
    bool isAgain = tensor.sort == Tensor::Saved && placement.recomputes(tensor.stage);
    std::string text = std::string("reads ") +
                       (isAgain ? "the recomputation" : names[tensor.sort]);
    if (tensor.sort == Tensor::Weights)
      text += std::to_string(tensor.microbatch) + " of the weights";
    text += " of stage " + std::to_string(tensor.stage);
    if (possessions.wasFreed(tensor))
      return text + ", which is freed before it";
    if (tensor.sort == Tensor::Weights)
      return text + ", which no update before it makes";
    if (tensor.sort == Tensor::Whole)
      return text + ", which no gather before it makes";
    if (tensor.sort == Tensor::Sum)
      return text + ", micro-batch " + std::to_string(tensor.microbatch) +
             ", which does not run before it";
    if (tensor.sort == Tensor::Input)
      return text + ", which the forward keeps, but that does not run before it";
    return text + ", which is neither run nor received before it";
  }
  return {};
}

Checked bitpipe::schedule::checkReadiness(const Program &program) {
  Possessions possessions(program.placement);
  for (size_t device = 0; device < program.devices.size(); ++device)
    for (size_t i = 0; i < program.devices[device].size(); ++i) {
      const Instruction &instruction = program.devices[device][i];
      if (instruction.op == Op::Run) {
        std::string wrong = lacking(possessions, program.placement, int(device),
                                    instruction.action);
        if (!wrong.empty())
          return violation("readiness", program, int(device), int(i), wrong);
      }
      possessions.add(int(device), instruction);
    }
  return {};
}
