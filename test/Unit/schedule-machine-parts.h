//===- schedule-machine-parts.h - What a machine's devices hold ---------------===//

#ifndef BITPIPE_TEST_UNIT_SCHEDULE_MACHINE_PARTS_H
#define BITPIPE_TEST_UNIT_SCHEDULE_MACHINE_PARTS_H

#include "lib/Transforms/Schedule/Core/Program.h"
#include "test/Unit/schedule-numbers.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <tuple>

namespace bitpipe::schedule::machine {

using Name = std::tuple<char, int, int>;

struct Device {
  size_t position = 0;
  std::map<Name, Value> values;
  std::map<Name, int> expected; // receives posted and not complete
  std::map<int, Value> gradients; // by stage
  std::map<int, std::map<int, Value>> weights; // by stage and version, as many as it keeps
  std::deque<Instruction> started; // sums, unshards, gathers and scatters
  std::map<int, int> gathering;    // by stage, gathers that are under way
  std::set<int> whole;             // stages whose weights are there
  std::map<int, Value> scattering; // gradients by stage, as they were when it began
  std::map<int, Value> summed; // by group
  std::map<int, Value> updated;
  std::set<int> gathered; // groups
  double activations = 0, onHost = 0; // the latter in the host's memory
  std::deque<Name> buffers; // received or still to be, and not read
  std::set<Name> overwritten;
  std::vector<std::pair<int, size_t>> leaving, due; // moves, by channel and number
  int leavingHost = 0; // of them, what the host gives back
  std::map<std::pair<int, bool>, size_t> ends; // how many, by channel and side
  std::deque<Name> outgoing;  // made and not gone yet, oldest first
  std::set<Name> lost;        // of these, which are written over
};
/// An end of a message on a device; a send has the value.
struct End {
  int device;
  bool isSend;
  Name name;
  Value value = 0;
};
/// The ends on the first of its devices and on the other.
struct Channel {
  size_t exchanged = 0;
  std::deque<End> first, other;
};

/// The name of a message; of what moves, the one that it has where it goes.
inline Name nameOf(const Action &action) {
  char kind = action.kind == Kind::F   ? 'F'
              : action.kind == Kind::E ? 'U'
              : action.kind == Kind::G ? 'S'
                                       : 'B';
  return {kind, action.stage, action.microbatch};
}
/// And the one where it comes from.
inline Name sourceOf(const Action &action) {
  return isMove(action.kind)
             ? Name{action.kind == Kind::E ? 'S' : 'U', action.stage, action.microbatch}
             : nameOf(action);
}

/// Whether an end of a move of a device is its host's.
inline bool isOfHost(int device, const Instruction &end) {
  Kind there = end.op == Instruction::Op::Recv ? Kind::E : Kind::G;
  return end.peer == device && end.action.kind == there;
}

/// Takes a buffer for a receive; where none is free, the oldest, or none at all.
inline void occupy(Device &device, Name received, int buffers) {
  device.buffers.push_back(received);
  if (int(device.buffers.size()) <= buffers)
    return;
  device.overwritten.insert(device.buffers.front());
  device.buffers.pop_front();
}

/// The name of what a run makes for other stages.
inline Name madeBy(const Action &action) {
  return {action.kind == Kind::F ? 'F' : 'B', action.stage, action.microbatch};
}

/// Takes memory for what is to be sent; where none is free, that of the oldest, or none at all.
inline void makeRoom(Device &device, Name made, int buffers) {
  device.outgoing.push_back(made);
  if (int(device.outgoing.size()) <= buffers)
    return;
  device.lost.insert(device.outgoing.front());
  device.outgoing.pop_front();
}

/// What a stage's weights become with the sums that it is updated with, its own and those of what it
/// shares; nothing where one did not come.
inline std::optional<Value> takeSums(const Program &program, Device &device, int stage, Value weights) {
  for (size_t g = 0; g < program.groups.size(); ++g) {
    const Group &group = program.groups[g];
    if (!std::ranges::count(group.stages, stage))
      continue;
    bool isShared = group.devices.size() > 1;
    if (isShared && !device.summed.contains(int(g)))
      return std::nullopt;
    weights = mix(weights, isShared ? device.summed[int(g)] : device.gradients[stage]);
    device.summed.erase(int(g));
  }
  return weights;
}
inline bool awaitsSums(const Program &program, const Device &device, int stage) {
  return std::ranges::any_of(device.started, [&](const Instruction &one) {
    return one.op == Instruction::Op::Reduce &&
           std::ranges::count(program.groups[one.group].stages, stage);
  });
}

} // namespace bitpipe::schedule::machine

#endif // BITPIPE_TEST_UNIT_SCHEDULE_MACHINE_PARTS_H
