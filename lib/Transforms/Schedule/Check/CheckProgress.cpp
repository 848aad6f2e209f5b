//===- CheckProgress.cpp - A program is replayed ---------------------------===//
//
// Every device walks its list until it must wait, and is woken by what it waits
// for. Each instruction is looked at once, plus once per waking, so the replay
// is linear. If it ends early, following who waits for whom finds the cycle.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Check/ChannelEnds.h"
#include "lib/Transforms/Schedule/Check/CheckText.h"
#include "lib/Transforms/Schedule/Core/CollectiveQueue.h"

#include <algorithm>
#include <map>
#include <utility>

using namespace bitpipe::schedule;
using Op = Instruction::Op;

namespace {
/// Of a channel, how many ends of its messages each of its devices has reached: all in one order,
/// whichever way they go.
struct Reached {
  size_t first = 0, other = 0;

  bool isComplete(size_t message) const { return message < first && message < other; }
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
  size_t &reachedBy(int device, const Instruction &end) {
    Reached &channel = reached[end.channel];
    return isFirstEnd(program, device, end) ? channel.first : channel.other;
  }
  const Arrival *missing(int device, const Instruction &instruction);
  void advance(int device);
  void start(int device, const Instruction &collective);
  void happen(const Instruction &collective);
  const Instruction *missingCollective(int device, const Instruction &instruction) const;
  auto membersOf() const {
    return [this](const Instruction &collective) -> const std::vector<int> & {
      return program.groups[groupOf(collective, own)].devices;
    };
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
  const std::vector<ChannelEnds> ends;
  std::vector<Reached> reached; // by channel
  /// By tensorKey, the message that brings the tensor.
  std::vector<Arrival> arrivals;
  /// Per device, in order, and how many of them it has passed.
  std::vector<std::vector<Departure>> departures;
  std::vector<size_t> departed;
  std::vector<size_t> position;
  /// Sums and unshards.
  CollectiveQueue<Instruction> queue;
  /// Per device and stage, how many collectives it has started with the last one that runs of the
  /// stage wait for: a gather, or a sum for an update between micro-batches.
  std::vector<std::vector<size_t>> awaited;
  std::vector<bool> summed;
  std::vector<int> worklist;
};
} // namespace

Replay::Replay(const Program &program)
    : program(program), own(ownGroups(program)), ends(endsOf(program)), reached(ends.size()),
      arrivals(tensorCount(program.placement)), departures(program.devices.size()),
      departed(program.devices.size()), position(program.devices.size()),
      queue(program.devices.size()),
      awaited(program.devices.size(), std::vector<size_t>(program.placement.stages())),
      summed(program.groups.size()) {
  for (int channel = 0; channel < int(ends.size()); ++channel)
    for (const ChannelEnds::Side *side : {&ends[channel].first, &ends[channel].other})
      for (size_t message = 0; message < side->positions.size(); ++message) {
        const Instruction &end = program.devices[side->device][side->positions[message]];
        if (end.op == Op::Recv)
          arrivals[tensorKey(program.placement, tensorOf(end.action))] = {side->device, channel,
                                                                          message};
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
    return !reached[arrival.channel].isComplete(arrival.message);
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
  return queue.doneBy(device) < needed ? &queue.startedBy(device)[needed - 1] : nullptr;
}

bool Replay::mayPass(int device, const Instruction &instruction) {
  if (missing(device, instruction) || missingCollective(device, instruction))
    return false;
  if (instruction.op == Op::Update)
    return program.groups[instruction.group].devices.size() < 2 ||
           summed[instruction.group];
  return true;
}

void Replay::start(int device, const Instruction &collective) {
  size_t count = queue.startedBy(device).size() + 1;
  if (collective.op == Op::Run && collective.action.kind == Kind::A)
    awaited[device][collective.action.stage] = count;
  if (collective.op == Op::Reduce)
    for (int stage : program.groups[collective.group].stages)
      awaited[device][stage] = count;
  queue.start(device, collective, membersOf(),
                 [&](const Instruction &next) { happen(next); });
}

void Replay::happen(const Instruction &collective) {
  if (collective.op == Op::Reduce || collective.action.kind == Kind::S)
    summed[groupOf(collective, own)] = true;
  for (int member : membersOf()(collective))
    worklist.push_back(member);
}

/// Walks one device's list as far as it goes.
void Replay::advance(int device) {
  const std::vector<Instruction> &list = program.devices[device];
  for (size_t &at = position[device]; at < list.size(); ++at) {
    const Instruction &instruction = list[at];
    if (!mayPass(device, instruction))
      return;
    if (instruction.isMessage()) {
      ++reachedBy(device, instruction);
      if (instruction.op == Op::Send || isMove(instruction.action.kind)) // else nobody waits for it
        worklist.push_back(instruction.peer);
    }
    if (instruction.isCollective())
      start(device, instruction);
  }
}

/// A message waits for the first end that is missing in its channel.
Wait Replay::waitOfMessage(const Arrival &arrival) {
  const auto &[first, other] = ends[arrival.channel];
  std::string name;
  for (const ChannelEnds::Side *side : {&first, &other}) // the receive, if there is one
    if (arrival.message < side->positions.size()) {
      const Instruction &end = program.devices[side->device][side->positions[arrival.message]];
      if (name.empty() || end.op == Op::Recv)
        name = toString(end, program);
    }
  const Reached &now = reached[arrival.channel];
  const auto &[device, positions] = now.first <= now.other ? first : other;
  size_t next = std::min(now.first, now.other);
  return {name, device, next < positions.size() ? positions[next] : -1};
}

/// The first of what a device has started that is not complete waits for the first member that
/// has not come to it: because it is still on its way, or because another one is first there.
Wait Replay::waitOfMembers(int device) {
  const Instruction &collective = *queue.first(device);
  std::string name = toString(collective, program);
  int member = queue.missingMember(device, membersOf());
  if (member < 0)
    return {name, device, -1};
  const std::vector<Instruction> &list = program.devices[member];
  const Instruction *isBehind = queue.first(member);
  const Instruction &first = isBehind ? *isBehind : collective;
  for (size_t i = isBehind ? 0 : position[member]; i < list.size(); ++i)
    if (list[i].isLike(first))
      return {name, member, int(i)};
  return {name, member, -1};
}

Wait Replay::waitOf(int device) {
  if (position[device] < program.devices[device].size())
    if (const Arrival *arrival = missing(device, program.devices[device][position[device]]))
      return waitOfMessage(*arrival);
  return waitOfMembers(device);
}

/// With all that it has started.
bool Replay::isDone(int device) const {
  return position[device] == program.devices[device].size() && !queue.first(device);
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
