//===- Program.cpp - Gradient groups, and instructions as text -------------===//

#include "lib/Transforms/Schedule/Core/Program.h"

#include "lib/Transforms/Schedule/Core/Versions.h"

#include <algorithm>
#include <map>
#include <set>

using namespace bitpipe::schedule;

Instruction bitpipe::schedule::instructionOf(const Placement &placement,
                                             const Action &action) {
  int stage = action.stage, m = action.microbatch;
  int home = placement.device(stage, m), keeper = placement.keeper(stage, m);
  switch (action.kind) {
  case Kind::E:
    return Instruction::send(action, keeper);
  case Kind::K:
    return Instruction::recv({Kind::E, false, stage, m}, home);
  case Kind::G:
    return Instruction::send(action, home);
  case Kind::L:
    return Instruction::recv({Kind::G, false, stage, m}, keeper);
  default:
    return Instruction::run(action);
  }
}

std::optional<Action> bitpipe::schedule::actionOf(const Instruction &instruction) {
  using Op = Instruction::Op;
  Action action = instruction.action;
  if (instruction.op == Op::Run)
    return action;
  if (!instruction.isMessage() || !isMove(action.kind))
    return {};
  if (instruction.op == Op::Recv)
    action.kind = action.kind == Kind::E ? Kind::K : Kind::L;
  return action;
}

void bitpipe::schedule::mapChannels(Program &program) {
  program.channels.clear();
  std::map<std::pair<int, int>, int> numbers;
  for (int device = 0; device < int(program.devices.size()); ++device)
    for (Instruction &instruction : program.devices[device]) {
      if (!instruction.isMessage())
        continue;
      bool isSend = instruction.op == Instruction::Op::Send;
      Channel channel{isSend ? device : instruction.peer, isSend ? instruction.peer : device};
      auto [number, isNew] = numbers.try_emplace({channel.from, channel.to}, int(numbers.size()));
      instruction.channel = number->second;
      if (isNew)
        program.channels.push_back(channel);
    }
}

Program bitpipe::schedule::runsOf(const Placement &placement,
                                  const Order &order) {
  Program program{placement, {}, {}, {}};
  for (const auto &list : order) {
    auto &instructions = program.devices.emplace_back();
    for (const Action &action : list)
      instructions.push_back(instructionOf(placement, action));
  }
  mapChannels(program);
  return program;
}

std::vector<int> bitpipe::schedule::ownGroups(const Program &program) {
  std::vector<int> own(program.placement.stages(), -1);
  for (size_t g = 0; g < program.groups.size(); ++g)
    if (program.groups[g].stages.size() == 1)
      own[program.groups[g].stages.front()] = int(g);
  return own;
}

std::vector<bool> bitpipe::schedule::shardedGroups(const Program &program) {
  std::vector<int> own = ownGroups(program);
  std::vector<bool> sharded(program.groups.size());
  for (const auto &list : program.devices)
    for (const Instruction &instruction : list)
      if (instruction.op == Instruction::Op::Unshard ||
          (instruction.op == Instruction::Op::Run && instruction.action.kind == Kind::S))
        sharded[groupOf(instruction, own)] = true;
  return sharded;
}

static std::string list(const std::vector<int> &values) {
  std::string text = "[";
  for (size_t i = 0; i < values.size(); ++i)
    text += (i ? ", " : "") + std::to_string(values[i]);
  return text + "]";
}

ErrorOr<std::vector<Group>>
bitpipe::schedule::makeGroups(const Placement &placement,
                              const std::vector<std::vector<int>> &ties) {
  std::set<std::vector<int>> names;
  for (int stage = 0; stage < placement.stages(); ++stage)
    names.insert({stage});
  for (std::vector<int> tie : ties) {
    std::sort(tie.begin(), tie.end());
    bool isSet = std::adjacent_find(tie.begin(), tie.end()) == tie.end();
    if (tie.size() < 2 || !isSet || tie.front() < 0 ||
        tie.back() >= placement.stages())
      return Error{"tie of stages " + list(tie) +
                   ", expected two or more different ones of 0 to " +
                   std::to_string(placement.stages() - 1)};
    names.insert(tie);
  }
  std::vector<Group> groups;
  for (const std::vector<int> &stages : names) {
    std::set<int> devices;
    for (int stage : stages)
      for (int device : placement.holders(stage))
        devices.insert(device);
    groups.push_back({stages, {devices.begin(), devices.end()}});
  }
  return groups;
}

/// The first group of which a holder of a stage runs nothing, or -1.
static int groupWithout(const Placement &placement, const std::vector<int> &row) {
  int next = 0;
  for (int microbatch : row) {
    int group = groupOf(placement, microbatch);
    if (group > next)
      return next;
    next = group + 1;
  }
  return next < groupCount(placement) ? next : -1;
}

static std::optional<Error> checkShares(const Placement &placement) {
  int every = placement.updates().every;
  for (const Route &route : placement.routes())
    for (int stage = 0; stage < placement.stages() && !route.microbatches.empty(); ++stage) {
      int first = route.microbatches.front();
      int group = groupWithout(placement, placement.together(stage, first));
      if (group >= 0)
        return Error{"device " + std::to_string(route.devices[stage]) + " runs stage " +
                     std::to_string(stage) + " for none of micro-batches " +
                     std::to_string(group * every) + " to " +
                     std::to_string(endOfGroup(placement, group)) +
                     ", expected some of them on each device that holds it: an update takes "
                     "gradients of all"};
    }
  return {};
}

std::optional<Error> bitpipe::schedule::checkHolders(const Placement &placement,
                                                     const std::vector<Group> &groups) {
  if (!placement.updates())
    return {};
  for (const Group &group : groups) {
    size_t held = 0;
    for (int stage : group.stages)
      held += placement.holders(stage).size();
    if (held > group.devices.size())
      return Error{"stages " + list(group.stages) +
                   " share parameters and some of them a device, expected each on devices of its "
                   "own in a schedule that updates between micro-batches"};
  }
  return checkShares(placement);
}

std::string bitpipe::schedule::toString(const Instruction &instruction,
                                        const Program &program) {
  using Op = Instruction::Op;
  const Action &action = instruction.action;
  auto named = [&](const char *verb) {
    return std::string(verb) + " " + letterOf(action.kind) + " stage " +
           std::to_string(action.stage) +
           (isOfShards(action.kind) ? "" : " mb " + std::to_string(action.microbatch));
  };
  auto group = [&](const char *verb) {
    bool exists = instruction.group >= 0 &&
                  size_t(instruction.group) < program.groups.size();
    return std::string(verb) + " stages " +
           (exists ? list(program.groups[instruction.group].stages) : "[?]");
  };
  switch (instruction.op) {
  case Op::Run:
    return named("run") + (action.kind == Kind::U
                               ? " versions " + std::to_string(action.versions)
                               : "");
  case Op::Send:
    return named("send") + " to " + std::to_string(instruction.peer);
  case Op::Recv:
    return named("recv") + " from " + std::to_string(instruction.peer);
  case Op::Reduce:
    return group("reduce");
  case Op::Update:
    return group("update");
  case Op::Unshard:
    return group("unshard");
  }
  return {};
}
