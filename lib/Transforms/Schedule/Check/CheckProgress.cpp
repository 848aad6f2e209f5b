//===- CheckProgress.cpp - A program is replayed ---------------------------===//
//
// Every device walks its list until it must wait, and is woken by what it waits
// for. Each instruction is looked at once, plus once per waking, so the replay
// is linear. If it ends early, following who waits for whom finds the cycle.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Check/CheckText.h"

using namespace bitpipe::schedule;
using Op = Instruction::Op;

namespace {
/// The messages from one device to another: where they are sent and received,
/// and how many ends each device has reached.
struct Channel {
  std::vector<int> sends, receives;
  size_t sent = 0, posted = 0;

  bool complete(size_t message) const {
    return message < sent && message < posted;
  }
};

struct Arrival {
  int from = -1, to = -1;
  size_t message = 0;
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
  Channel &channel(int from, int to) {
    return channels[size_t(from) * program.devices.size() + to];
  }
  const Arrival *arrivalFor(int device, const Action &action) const;
  void advance(int device);
  void startSum(int device, int group);
  bool mayPass(int device, const Instruction &instruction);
  Wait waitOf(int device);
  Wait waitOfMessage(const Arrival &arrival);
  Wait waitOfSum(int device, int group);
  Violation blocked(int device);

  const Program &program;
  std::vector<Channel> channels;
  /// By tensorKey, the message that brings the tensor.
  std::vector<Arrival> arrivals;
  std::vector<size_t> position;
  /// Per device, the groups whose sum it has started, in order, and how many
  /// of these sums are complete.
  std::vector<std::vector<int>> sums;
  std::vector<size_t> sumsDone;
  std::vector<bool> summed;
  std::vector<int> worklist;
};
} // namespace

Replay::Replay(const Program &program)
    : program(program),
      channels(program.devices.size() * program.devices.size()),
      arrivals(tensorCount(program.placement)),
      position(program.devices.size()), sums(program.devices.size()),
      sumsDone(program.devices.size()), summed(program.groups.size()) {
  for (int device = 0; device < int(program.devices.size()); ++device)
    for (size_t i = 0; i < program.devices[device].size(); ++i) {
      const Instruction &instruction = program.devices[device][i];
      if (instruction.op == Op::Send)
        channel(device, instruction.peer).sends.push_back(int(i));
      if (instruction.op != Op::Recv)
        continue;
      Channel &from = channel(instruction.peer, device);
      arrivals[tensorKey(program.placement, tensorOf(instruction.action))] = {
          instruction.peer, device, from.receives.size()};
      from.receives.push_back(int(i));
    }
}

/// The message that a run waits for, or nothing.
const Arrival *Replay::arrivalFor(int device, const Action &action) const {
  std::optional<Tensor> read = received(program.placement, action);
  if (!read)
    return nullptr;
  const Arrival &arrival = arrivals[tensorKey(program.placement, *read)];
  return arrival.to == device ? &arrival : nullptr;
}

bool Replay::mayPass(int device, const Instruction &instruction) {
  if (instruction.op == Op::Run) {
    const Arrival *arrival = arrivalFor(device, instruction.action);
    return !arrival ||
           channel(arrival->from, arrival->to).complete(arrival->message);
  }
  if (instruction.op == Op::Update)
    return program.groups[instruction.group].devices.size() < 2 ||
           summed[instruction.group];
  return true;
}

/// A sum happens when it is next on all its members; that may free the sums
/// behind it.
void Replay::startSum(int device, int group) {
  sums[device].push_back(group);
  std::vector<int> candidates{group};
  while (!candidates.empty()) {
    int candidate = candidates.back();
    candidates.pop_back();
    bool ready = !summed[candidate];
    for (int member : program.groups[candidate].devices)
      ready = ready && sumsDone[member] < sums[member].size() &&
              sums[member][sumsDone[member]] == candidate;
    if (!ready)
      continue;
    summed[candidate] = true;
    for (int member : program.groups[candidate].devices) {
      worklist.push_back(member);
      if (++sumsDone[member] < sums[member].size())
        candidates.push_back(sums[member][sumsDone[member]]);
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
    if (instruction.op == Op::Send) {
      ++channel(device, instruction.peer).sent;
      worklist.push_back(instruction.peer);
    }
    if (instruction.op == Op::Recv)
      ++channel(instruction.peer, device).posted;
    if (instruction.op == Op::Reduce)
      startSum(device, instruction.group);
  }
}

/// A message waits for the first end that is missing in its channel.
Wait Replay::waitOfMessage(const Arrival &arrival) {
  Channel &messages = channel(arrival.from, arrival.to);
  std::string name = toString(
      program.devices[arrival.to][messages.receives[arrival.message]], program);
  if (messages.sent <= messages.posted) {
    bool exists = messages.sent < messages.sends.size();
    return {name, arrival.from, exists ? messages.sends[messages.sent] : -1};
  }
  return {name, arrival.to, messages.receives[messages.posted]};
}

/// A sum waits for the first member that has not come to it: because it is
/// still on its way, or because another sum is first there.
Wait Replay::waitOfSum(int device, int group) {
  std::string name = toString(Instruction::reduce(group), program);
  for (int member : program.groups[group].devices) {
    const std::vector<Instruction> &list = program.devices[member];
    bool started = sumsDone[member] < sums[member].size();
    if (started && sums[member][sumsDone[member]] == group)
      continue;
    for (size_t i = started ? 0 : position[member]; i < list.size(); ++i)
      if (list[i].op == Op::Reduce &&
          (started ? list[i].group == sums[member][sumsDone[member]]
                   : list[i].group == group))
        return {name, member, int(i)};
    return {name, member, -1};
  }
  return {name, device, -1};
}

Wait Replay::waitOf(int device) {
  const Instruction &instruction = program.devices[device][position[device]];
  if (instruction.op == Op::Run)
    return waitOfMessage(*arrivalFor(device, instruction.action));
  return waitOfSum(device, instruction.group);
}

/// Tells the waiting from one device to the next until a device comes again.
Violation Replay::blocked(int device) {
  std::string text;
  std::vector<bool> seen(program.devices.size());
  int first = device;
  while (true) {
    Wait wait = waitOf(device);
    text += text.empty() ? "" : "; ";
    text += placeText(program, device, int(position[device])) + " waits for " +
            wait.what;
    seen[device] = true;
    if (wait.position < 0) {
      text += ", which device " + std::to_string(wait.device) + " never starts";
      break;
    }
    text += ", behind " + placeText(program, wait.device, wait.position);
    device = wait.device;
    if (position[device] >= program.devices[device].size() || seen[device])
      break;
  }
  if (seen[device])
    text += "; this closes a cycle at device " + std::to_string(device);
  return {"progress", first, int(position[first]), "the plan blocks: " + text};
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
    if (position[device] < program.devices[device].size())
      return blocked(int(device));
  return {};
}

Checked bitpipe::schedule::checkProgress(const Program &program) {
  return Replay(program).run();
}

Checked bitpipe::schedule::check(const Program &program) {
  for (auto invariant :
       {checkNames, checkExactlyOnce, checkReadiness, checkMessages,
        checkPairing, checkVersions, checkGroups, checkSumOrder, checkProgress})
    if (Checked wrong = invariant(program))
      return wrong;
  return {};
}
