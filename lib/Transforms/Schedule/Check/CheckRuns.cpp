//===- CheckRuns.cpp - What runs exists, and once ---------------------------===//

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
  if (sendsMove(action.kind) && placement.recomputes(action.stage))
    return "moves what stage " + std::to_string(action.stage) +
           " recomputes, expected a stage that saves it";
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

/// Whether a stage has an action of a kind for a micro-batch, once, or a part of such a backward.
static bool belongs(const Placement &placement, Kind kind, int stage, int m) {
  if (isMove(kind))
    return placement.keeper(stage, m) >= 0;
  int every = placement.updates().every;
  switch (kind) {
  case Kind::R:
    return placement.recomputes(stage);
  case Kind::U:
    return every && endsOwnGroup(placement, stage, m);
  case Kind::S:
    return placement.scatters() && m == placement.firstOf(stage, m);
  case Kind::A:
  case Kind::D:
    return false; // As often as the order likes: see checkKept.
  default:
    return true;
  }
}

/// What is wrong with a run that does not belong, or nothing.
static std::string needless(const Placement &placement, const Action &action) {
  int every = placement.updates().every;
  if (belongs(placement, action.kind, action.stage, action.microbatch))
    return {};
  if (action.kind == Kind::R)
    return "runs, but stage " + std::to_string(action.stage) + " does not recompute";
  return every ? "runs, expected updates after every " + std::to_string(every) +
                     " micro-batches as the first one says"
               : "runs, expected no update between micro-batches";
}

/// Of a stage and micro-batch, which kinds of actions there are: a bit each.
using Kinds = uint16_t;
static Kinds bit(Kind kind) { return Kinds(1 << int(kind)); }
static bool isSplit(Kinds kinds) { return kinds & (bit(Kind::I) | bit(Kind::W)); }

/// What is wrong with an action beside those before, or nothing.
static std::string addOnce(const Placement &placement, int device, const Action &action,
                           Kinds &kinds) {
  constexpr const char *verbs[] = {"comes", "is evicted", "is freed", "is kept", "is loaded"};
  static_assert(std::size(verbs) == kindCount - size_t(Kind::S));
  int place = placement.place(action);
  if (place != device)
    return (isMove(action.kind) ? toString(action) + " is" : "runs") +
           " here, expected on device " + std::to_string(place) + " by its route";
  if (action.kind == Kind::A || action.kind == Kind::D)
    return {};
  if (kinds & bit(action.kind))
    return std::string(isRun(action.kind) ? "runs" : verbs[int(action.kind) - int(Kind::S)]) +
           " a second time, expected once";
  kinds |= bit(action.kind);
  if ((kinds & bit(Kind::B)) && isSplit(kinds))
    return "both a whole backward and a part of it run, expected one way";
  return needless(placement, action);
}

/// The first kind that a stage lacks for a micro-batch, or nothing.
static std::optional<Kind> missingKind(const Placement &placement, Kinds kinds, int stage, int m) {
  Kinds otherWay = isSplit(kinds) ? bit(Kind::B) : bit(Kind::I) | bit(Kind::W);
  for (size_t i = 0; i < kindCount; ++i)
    if (!((kinds | otherWay) & bit(Kind(i))) && belongs(placement, Kind(i), stage, m))
      return Kind(i);
  return {};
}

static std::string missingText(const Action &missing) {
  std::string name = toString(missing), stage = std::to_string(missing.stage);
  if (missing.kind == Kind::R)
    return name + " never runs, expected once: stage " + stage + " recomputes";
  if (missing.kind == Kind::U)
    return "the update of stage " + stage + " after micro-batch " +
           std::to_string(missing.microbatch) + " never runs, expected once";
  if (missing.kind == Kind::S)
    return "the gradients of stage " + stage + " are never scattered, expected once";
  return name + (isRun(missing.kind) ? " never runs, expected once"
                                     : " never comes, expected once: what is evicted is kept, "
                                       "given back and loaded again");
}

Checked bitpipe::schedule::checkExactlyOnce(const Program &program) {
  const Placement &placement = program.placement;
  int every = placement.updates().every, count = placement.microbatches();
  if (every && count % every)
    return Violation{"exactly once", -1, -1,
                     std::to_string(count) + " micro-batches, expected a multiple of the " +
                         std::to_string(every) + " between updates"};
  std::vector<Kinds> seen(size_t(placement.stages()) * count);
  for (int device = 0; device < placement.devices(); ++device)
    for (size_t i = 0; i < program.devices[device].size(); ++i) {
      std::optional<Action> action = actionOf(program.devices[device][i]);
      if (!action)
        continue;
      Kinds &kinds = seen[size_t(action->stage) * count + action->microbatch];
      std::string wrong = addOnce(placement, device, *action, kinds);
      if (!wrong.empty())
        return violation("exactly once", program, device, int(i), wrong);
    }
  for (int stage = 0; stage < placement.stages(); ++stage)
    for (int m = 0; m < count; ++m)
      if (auto kind = missingKind(placement, seen[size_t(stage) * count + m], stage, m)) {
        Action missing{*kind, false, stage, m};
        return violation("exactly once", placement.place(missing), missingText(missing));
      }
  return {};
}
