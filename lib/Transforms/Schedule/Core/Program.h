//===- Program.h - An order with its messages and gradient sums --*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CORE_PROGRAM_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CORE_PROGRAM_H

#include "lib/Transforms/Schedule/Core/Schedule.h"

#include <optional>

namespace bitpipe::schedule {

/// The parameters used by exactly these stages, and the devices that hold
/// them: these devices sum the parameters' gradients.
struct Group {
  std::vector<int> stages;
  std::vector<int> devices;
};

/// What carries messages between two devices: on GPUs a communicator and its stream, in networks a
/// number; or between a device and its host, which has the device's name. Each device has the ends of a channel's messages one after the other, in the order of its
/// list, and one is complete when both are there and those before it are complete.
struct Channel {
  int from, to;

  bool operator==(const Channel &) const = default;
};

struct Instruction {
  /// Unshard: gives all devices of a group what each has updated of it.
  enum class Op : uint8_t { Run, Send, Recv, Reduce, Update, Unshard };

  Op op = Op::Run;
  /// Run: what is computed. Send and Recv: the run that makes the tensor, of
  /// kind F for an activation and B for an input gradient, whether a whole
  /// backward or an input gradient alone makes it; or the move that sends, E or G.
  Action action;
  /// Send: to which device; Recv: from which.
  int peer = -1;
  /// Reduce, Update and Unshard: which group.
  int group = -1;
  /// Send and Recv: which of the program's channels.
  int channel = -1;

  static Instruction run(Action action) { return {Op::Run, action}; }
  static Instruction send(Action made, int to) { return {Op::Send, made, to}; }
  static Instruction recv(Action made, int from) { return {Op::Recv, made, from}; }
  static Instruction reduce(int group) { return {Op::Reduce, {}, -1, group}; }
  static Instruction update(int group) { return {Op::Update, {}, -1, group}; }
  static Instruction unshard(int group) { return {Op::Unshard, {}, -1, group}; }

  bool isMessage() const { return op == Op::Send || op == Op::Recv; }
  /// Whether all devices that hold something do it together, one after the other.
  bool isCollective() const {
    return op == Op::Reduce || op == Op::Unshard ||
           (op == Op::Run && isMeeting(action.kind));
  }
  /// Whether another collective does the same.
  bool isLike(const Instruction &other) const {
    return op == other.op && (op == Op::Run ? action.kind == other.action.kind &&
                                                  action.stage == other.action.stage
                                            : group == other.group);
  }
};

struct Program {
  Placement placement;
  std::vector<Group> groups;
  std::vector<std::vector<Instruction>> devices;
  std::vector<Channel> channels;
};

/// Whether the end of a message on a device is on the first side of its channel. Of what a device
/// gives to its host and takes back, it has both: what it gives is on the first.
inline bool isFirstEnd(const Program &program, int device, const Instruction &end) {
  const Channel &channel = program.channels[end.channel];
  return channel.from == channel.to ? end.op == Instruction::Op::Send : channel.from == device;
}

/// Gives each directed pair of devices that exchanges messages a channel of its own, as all
/// transports do (Runtime/Transport/Channels.h, Runtime/CUDA/NCCLTransport.h).
void mapChannels(Program &program);

/// The number of each stage's own group.
std::vector<int> ownGroups(const Program &program);

/// The group of a collective or update, whose stages' own are given.
inline int groupOf(const Instruction &instruction, const std::vector<int> &own) {
  return instruction.op == Instruction::Op::Run ? own[instruction.action.stage]
                                                : instruction.group;
}

/// Whether the devices of a group update a slice of it each: by the instructions, each
/// group's.
std::vector<bool> shardedGroups(const Program &program);

/// An action of an order as an instruction of its device: a run, or an end of a message
/// that moves what was saved.
Instruction instructionOf(const Placement &placement, const Action &action);

/// The action of the order that an instruction is, if it is one.
std::optional<Action> actionOf(const Instruction &instruction);

/// The runs and moves of an order, without other messages, sums and updates.
Program runsOf(const Placement &placement, const Order &order);

/// One group per stage, and one per tie: stages that share parameters.
ErrorOr<std::vector<Group>> makeGroups(const Placement &placement,
                                       const std::vector<std::vector<int>> &ties);

/// Fails where there are updates between micro-batches that some devices could not make together:
/// each that holds a stage runs some of every group; and of stages that share parameters no device
/// holds two, which would have versions of the same.
std::optional<Error> checkHolders(const Placement &placement,
                                  const std::vector<Group> &groups);

/// `recv F stage 3 mb 1 from 2`, as in a plan.
std::string toString(const Instruction &instruction, const Program &program);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CORE_PROGRAM_H
