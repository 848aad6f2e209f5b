//===- CheckProgress.cpp - A program is replayed ---------------------------===//
//
// Every device walks its list until it must wait, and is woken by what it waits
// for. Each instruction is looked at once, plus once per waking, so the replay
// is linear. If it ends early, following who waits for whom finds the cycle.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Check/CheckText.h"

#include <algorithm>
#include <map>
#include <utility>

using namespace bitpipe::schedule;
using Op = Instruction::Op;

namespace {
/// The ends of a channel's messages on one of its devices: where they are, and how many of
/// them the device has reached.
struct Side {
  int device = -1;
  std::vector<int> ends;
  size_t reached = 0;
};
/// All its messages in one order, whichever way they go.
struct Replayed {
  Side first, other;

  bool complete(size_t message) const {
    return message < first.reached && message < other.reached;
  }
};

/// A message, by its place in its channel, that comes to a device or leaves it.
struct Arrival {
  int device = -1, channel = -1;
  size_t message = 0;
};

/// What a device has begun to move away must have left before an instruction.
struct Departure {
  size_t before;
  Arrival arrival;
};

/// What a blocked device waits for: an instruction on a device, or one that
/// does not exist (position -1).
struct Wait {
  std::string what;
  int device, position;
};

class Replay {
public:
  Replay(const Program &program);
  Checked run();

private:
  void findDepartures(int device);
  Side &sideOf(int device, const Instruction &end) {
    Replayed &channel = channels[end.channel];
    return isFirstEnd(program, device, end) ? channel.first : channel.other;
  }
  const Arrival *missing(int device, const Instruction &instruction);
  void advance(int device);
  void start(int device, const Instruction &collective);
  bool isNext(int device, const Instruction &collective) const;
  const Instruction *missingCollective(int device, const Instruction &instruction) const;
  const std::vector<int> &membersOf(const Instruction &collective) const {
    return program.groups[groupOf(collective, own)].devices;
  }
  bool mayPass(int device, const Instruction &instruction);
  bool isDone(int device) const;
  std::string placeOf(int device) const;
  Wait waitOf(int device);
  Wait waitOfMessage(const Arrival &arrival);
  Wait waitOfMembers(int device);
  Violation blocked(int device);

  const Program &program;
  const std::vector<int> own; // the groups of stages
  std::vector<Replayed> channels;
  /// By tensorKey, the message that brings the tensor.
  std::vector<Arrival> arrivals;
  /// Per device, in order, and how many of them it has passed.
  std::vector<std::vector<Departure>> departures;
  std::vector<size_t> departed;
  std::vector<size_t> position;
  /// Per device, the sums and unshards that it has started, in order, and how many
  /// of these are complete.
  std::vector<std::vector<Instruction>> started;
  std::vector<size_t> done;
  /// Per device and stage, how many collectives it has started with the last one that runs of the
  /// stage wait for: a gather, or a sum for an update between micro-batches.
  std::vector<std::vector<size_t>> awaited;
  std::vector<bool> summed;
  std::vector<int> worklist;
};
} // namespace

Replay::Replay(const Program &program)
    : program(program), own(ownGroups(program)),
      arrivals(tensorCount(program.placement)), departures(program.devices.size()),
      departed(program.devices.size()), position(program.devices.size()), started(program.devices.size()),
      done(program.devices.size()),
      awaited(program.devices.size(), std::vector<size_t>(program.placement.stages())),
      summed(program.groups.size()) {
  for (auto [from, to] : program.channels)
    channels.push_back({{from, {}}, {to, {}}});
  for (int device = 0; device < int(program.devices.size()); ++device)
    for (size_t i = 0; i < program.devices[device].size(); ++i) {
      const Instruction &instruction = program.devices[device][i];
      if (!instruction.isMessage())
        continue;
      std::vector<int> &ends = sideOf(device, instruction).ends;
      if (instruction.op == Op::Recv)
        arrivals[tensorKey(program.placement, tensorOf(instruction.action))] = {
            device, instruction.channel, ends.size()};
      ends.push_back(int(i));
    }
  for (int device = 0; program.placement.moves() && device < int(departures.size()); ++device)
    findDepartures(device);
}

/// Behind the next run, the first run or move waits for what was sent before.
void Replay::findDepartures(int device) {
  std::vector<Arrival> leaving, due;
  std::map<std::pair<int, bool>, size_t> ends; // by channel and side
  const std::vector<Instruction> &list = program.devices[device];
  for (size_t i = 0; i < list.size(); ++i) {
    std::optional<Action> action = actionOf(list[i]);
    for (const Arrival &arrival : action ? due : std::vector<Arrival>())
      departures[device].push_back({i, arrival});
    if (action)
      due.clear();
    if (action && isRun(action->kind))
      due = std::exchange(leaving, {});
    if (!list[i].isMessage())
      continue;
    size_t message = ends[{list[i].channel, isFirstEnd(program, device, list[i])}]++;
    if (action && list[i].op == Op::Send)
      leaving.push_back({device, list[i].channel, message});
  }
}

/// The first message that an instruction waits for and that is not complete, or nothing: one
/// that brings what it reads, or one that takes away what must have left.
const Arrival *Replay::missing(int device, const Instruction &instruction) {
  auto isOpen = [&](const Arrival &arrival) {
    return !channels[arrival.channel].complete(arrival.message);
  };
  for (size_t &next = departed[device]; next < departures[device].size(); ++next) {
    const Departure &departure = departures[device][next];
    if (departure.before > position[device])
      break;
    if (isOpen(departure.arrival))
      return &departure.arrival;
  }
  std::optional<Action> action = actionOf(instruction);
  if (!action)
    return nullptr;
  for (const Tensor &tensor : effect(program.placement, *action).reads) {
    const Arrival &arrival = arrivals[tensorKey(program.placement, tensor)];
    if (arrival.device == device && isOpen(arrival))
      return &arrival;
  }
  return nullptr;
}

/// The gather that a run waits for, or the sum that an update between micro-batches does, and
/// that is not complete; or nothing.
const Instruction *Replay::missingCollective(int device, const Instruction &instruction) const {
  Kind kind = instruction.action.kind;
  bool waits = instruction.op == Op::Run &&
               ((program.placement.gathers() && !isMeeting(kind)) || kind == Kind::U);
  size_t needed = waits ? awaited[device][instruction.action.stage] : 0;
  return done[device] < needed ? &started[device][needed - 1] : nullptr;
}

bool Replay::mayPass(int device, const Instruction &instruction) {
  if (missing(device, instruction) || missingCollective(device, instruction))
    return false;
  if (instruction.op == Op::Update)
    return program.groups[instruction.group].devices.size() < 2 ||
           summed[instruction.group];
  return true;
}

bool Replay::isNext(int device, const Instruction &collective) const {
  if (done[device] == started[device].size())
    return false;
  return started[device][done[device]].isLike(collective);
}

/// A sum or unshard happens when it is next on all its members; that may free those
/// behind it.
void Replay::start(int device, const Instruction &collective) {
  started[device].push_back(collective);
  if (collective.op == Op::Run && collective.action.kind == Kind::A)
    awaited[device][collective.action.stage] = started[device].size();
  if (collective.op == Op::Reduce)
    for (int stage : program.groups[collective.group].stages)
      awaited[device][stage] = started[device].size();
  std::vector<Instruction> candidates{collective};
  while (!candidates.empty()) {
    Instruction candidate = candidates.back();
    candidates.pop_back();
    const std::vector<int> &members = membersOf(candidate);
    if (!std::all_of(members.begin(), members.end(),
                     [&](int member) { return isNext(member, candidate); }))
      continue;
    if (candidate.op == Op::Reduce || candidate.action.kind == Kind::S)
      summed[groupOf(candidate, own)] = true;
    for (int member : members) {
      worklist.push_back(member);
      if (++done[member] < started[member].size())
        candidates.push_back(started[member][done[member]]);
    }
  }
}

/// Walks one device's list as far as it goes.
void Replay::advance(int device) {
  const std::vector<Instruction> &list = program.devices[device];
  for (size_t &at = position[device]; at < list.size(); ++at) {
    const Instruction &instruction = list[at];
    if (!mayPass(device, instruction))
      return;
    if (instruction.isMessage()) {
      ++sideOf(device, instruction).reached;
      if (instruction.op == Op::Send || isMove(instruction.action.kind)) // else nobody waits for it
        worklist.push_back(instruction.peer);
    }
    if (instruction.isCollective())
      start(device, instruction);
  }
}

/// A message waits for the first end that is missing in its channel.
Wait Replay::waitOfMessage(const Arrival &arrival) {
  auto &[first, other] = channels[arrival.channel];
  std::string name;
  for (const Side *side : {&first, &other}) // the receive, if there is one
    if (arrival.message < side->ends.size()) {
      const Instruction &end = program.devices[side->device][side->ends[arrival.message]];
      if (name.empty() || end.op == Op::Recv)
        name = toString(end, program);
    }
  const Side &behind = first.reached <= other.reached ? first : other;
  bool exists = behind.reached < behind.ends.size();
  return {name, behind.device, exists ? behind.ends[behind.reached] : -1};
}

/// The first of what a device has started that is not complete waits for the first member that
/// has not come to it: because it is still on its way, or because another one is first there.
Wait Replay::waitOfMembers(int device) {
  const Instruction &collective = started[device][done[device]];
  std::string name = toString(collective, program);
  for (int member : membersOf(collective)) {
    if (isNext(member, collective))
      continue;
    const std::vector<Instruction> &list = program.devices[member];
    bool isBehind = done[member] < started[member].size();
    const Instruction &first = isBehind ? started[member][done[member]] : collective;
    for (size_t i = isBehind ? 0 : position[member]; i < list.size(); ++i)
      if (list[i].isLike(first))
        return {name, member, int(i)};
    return {name, member, -1};
  }
  return {name, device, -1};
}

Wait Replay::waitOf(int device) {
  if (position[device] < program.devices[device].size())
    if (const Arrival *arrival = missing(device, program.devices[device][position[device]]))
      return waitOfMessage(*arrival);
  return waitOfMembers(device);
}

/// With all that it has started.
bool Replay::isDone(int device) const {
  return position[device] == program.devices[device].size() &&
         done[device] == started[device].size();
}

std::string Replay::placeOf(int device) const {
  if (position[device] == program.devices[device].size())
    return "device " + std::to_string(device) + ", at its end,";
  return placeText(program, device, int(position[device]));
}

/// Tells the waiting from one device to the next until a device comes again.
Violation Replay::blocked(int device) {
  std::string text;
  std::vector<bool> seen(program.devices.size());
  int first = device;
  while (true) {
    Wait wait = waitOf(device);
    text += text.empty() ? "" : "; ";
    text += placeOf(device) + " waits for " + wait.what;
    seen[device] = true;
    if (wait.position < 0) {
      text += ", which device " + std::to_string(wait.device) + " never starts";
      break;
    }
    text += ", behind " + placeText(program, wait.device, wait.position);
    device = wait.device;
    if (isDone(device) || seen[device])
      break;
  }
  if (seen[device])
    text += "; this closes a cycle at device " + std::to_string(device);
  bool atEnd = position[first] == program.devices[first].size();
  return {"progress", first, atEnd ? -1 : int(position[first]), "the plan blocks: " + text};
}

Checked Replay::run() {
  for (int device = int(program.devices.size()); device-- > 0;)
    worklist.push_back(device);
  while (!worklist.empty()) {
    int device = worklist.back();
    worklist.pop_back();
    advance(device);
  }
  for (size_t device = 0; device < program.devices.size(); ++device)
    if (!isDone(int(device)))
      return blocked(int(device));
  return {};
}

Checked bitpipe::schedule::checkProgress(const Program &program) {
  return Replay(program).run();
}

Checked bitpipe::schedule::check(const Program &program) {
  for (auto invariant :
       {checkNames, checkExactlyOnce, checkUpdates, checkKept, checkReadiness, checkMessages,
        checkPairing, checkVersions, checkGroups, checkProgress})
    if (Checked wrong = invariant(program))
      return wrong;
  return {};
}
