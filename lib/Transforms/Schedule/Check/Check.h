//===- Check.h - What must hold of a program ---------------------*- C++ -*-===//
//
// Every program is checked before it is handed out and again before it runs.
// Communication obeys NCCL's rules, the strictest of all transports: messages
// have no tags, so in a channel between two devices order is the tag; a send is complete
// only when its receive is posted; all members start their gradient sums in
// one order. One function per invariant; each is linear in the number of
// instructions and returns the first place where the invariant does not hold.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CHECK_CHECK_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CHECK_CHECK_H

#include "lib/Transforms/Schedule/Core/Costs.h"
#include "lib/Transforms/Schedule/Core/Program.h"

#include <optional>

namespace bitpipe::schedule {

struct Violation {
  /// The name of the check, such as "messages".
  std::string invariant;
  /// Where: a device, and a position in its list or -1 for the list as a
  /// whole.
  int device = -1;
  int position = -1;
  /// One line: where, what is wrong, what was expected.
  std::string text;
};
using Checked = std::optional<Violation>;

/// Every stage, micro-batch, device, group and channel that an instruction names
/// exists, and a message goes to another device, in a channel of the two.
Checked checkNames(const Program &program);

/// Of every stage and micro-batch, the device on its route runs one forward
/// and either one whole backward or one input and one weight gradient, and of a stage
/// that recomputes one recomputation; no other device runs anything of it. Where there are
/// updates between micro-batches, each stage has one after every group of them, on each device
/// that holds it. Where gradients are sharded, each device scatters those of each of its stages
/// once. What another device keeps for a while is evicted, kept, given back and loaded once, on
/// the devices that this is for.
Checked checkExactlyOnce(const Program &program);

/// What stays on a device from one action to another is there when it is read, by the table
/// of effects (Core/Effects.h): made or received, and not freed yet. What is evicted is loaded
/// behind that; weights are gathered that are not there, and dropped in the end.
Checked checkKept(const Program &program);

/// And so is what a run reads of other stages: run or received before.
Checked checkReadiness(const Program &program);

/// A tensor whose reader is on another device is sent there once, after the
/// run that makes it, and received no more than once; nothing else is sent.
Checked checkMessages(const Program &program);

/// In every channel the k-th end on one device and the k-th on the other are those of one
/// message: messages have no tags, and a device starts none before those that it has before it.
Checked checkPairing(const Program &program);

/// With updates between micro-batches: all of a stage have its number of versions;
/// gradients of a group come behind the update with those of the group before, since they
/// are summed in one place, and weight gradients in the order of the micro-batches, so
/// that the last one knows that a version is read no more. Where several devices hold a stage,
/// or others that share parameters with it, each has a sum over all between the last weight
/// gradient of a group and its update, and so as many as the others: the k-th on each is of
/// group k. Each holder runs some of every group, and no device holds two stages that share
/// parameters. The end has no updates. Which version a run reads follows from its micro-batch, and
/// that it is there is readiness.
Checked checkUpdates(const Program &program);

/// An iteration sees one version of the weights: on no device a stage runs after
/// the update of a group that holds parameters of it.
Checked checkVersions(const Program &program);

/// A device updates each group that it holds once, after the last weight
/// gradient of the group's stages on it. If other devices hold the group too,
/// one sum lies between the two; if none does, there is no sum. Where one of several
/// devices has an unshard of a group, behind its update, all have. Gradients that a scatter
/// has summed have no other sum, and an unshard, unless weights are gathered.
Checked checkGroups(const Program &program);

/// Every instruction is reached, and so any two devices start the sums, unshards, gathers and
/// scatters that they share in the same order: the program does not block when runs wait for
/// their messages, sends for their receives (posted when the receiver reaches
/// them), messages for earlier ones in their channel, sums and unshards for
/// all members and for those before them, runs for what they read of gathers, updates for sums, at
/// the end or between micro-batches; and what is behind the run
/// that follows a move's send for that send, whose memory is then free.
Checked checkProgress(const Program &program);

/// All of the above, in this order.
Checked check(const Program &program);

/// What a device holds at a time, or may hold.
struct Held {
  /// From a forward to its weight gradient, in the costs' unit.
  double activations = 0;
  /// Receives posted whose tensor its run is still to read.
  int receives = 0;
  /// Tensors made to be sent of which the device does not know yet that they were received
  /// (MessageLives.h).
  int sends = 0;
  /// What its host keeps of it, in the same unit.
  double onHost = 0;
};

/// The most that each device holds while it walks its list. Like the check below
/// for programs that are right otherwise.
std::vector<Held> mostHeld(const Program &program, const Costs &costs = {});

/// While a device walks its list it never holds more than its limit: of live
/// activations, and of buffers for messages. With one buffer fewer than receives
/// that wait to be read, one would be posted over a tensor still needed; with one fewer than
/// tensors that may not have left, a run would write over one.
Checked checkMemory(const Program &program, const Costs &costs,
                    const std::vector<Held> &limits);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CHECK_CHECK_H
