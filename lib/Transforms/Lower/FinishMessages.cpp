//===- FinishMessages.cpp - How long what is sent stays where it is --------===//
//
// A run that writes where a message has not left yet would have to wait for
// the receiver, an order of events that no schedule knows of. A sender
// therefore keeps the memory of a message until it has itself received
// something which the receiver sent later: nobody waits, unless a link is so busy that the
// message has not left by then. What is moved to be kept
// elsewhere is too large for that, and moves to make room: of that the schedule does know
// (Core/Effects.h).
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Lower/DeviceProgram.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

using MessageName = std::tuple<pipe::RunKind, int64_t, int64_t>;

static MessageName nameOf(const Instruction &item) {
  return {item.run, item.stage, item.microbatch};
}

/// Where each message that is received is waited for.
static std::map<MessageName, int64_t>
findFirstUses(const DeviceProgram &program) {
  std::map<unsigned, MessageName> pending;
  std::map<MessageName, int64_t> uses;
  for (auto [at, item] : llvm::enumerate(program.instructions)) {
    if (item.kind == Instruction::Execute)
      for (unsigned piece : item.pieces)
        if (auto found = pending.find(piece); found != pending.end()) {
          uses[found->second] = at;
          pending.erase(found);
        }
    if (item.kind == Instruction::Receive)
      pending[item.pieces[0]] = nameOf(item);
  }
  return uses;
}

namespace {

/// What a device can know of a peer's progress.
class Evidence {
public:
  Evidence(const DeviceProgram &program, const DeviceProgram &peer)
      : end(program.instructions.size()) {
    auto uses = findFirstUses(program);
    for (auto [at, item] : llvm::enumerate(peer.instructions)) {
      if (item.kind != Instruction::Transmit || item.peer != program.index)
        continue;
      auto found = uses.find(nameOf(item));
      if (found != uses.end())
        waits[at] = found->second;
    }
  }

  /// The instruction of the device at which the peer is known to have come to
  /// its instruction `position`.
  int64_t of(int64_t position) const {
    auto found = waits.lower_bound(position);
    return found == waits.end() ? end : found->second;
  }

private:
  int64_t end;
  std::map<int64_t, int64_t> waits; // by the peer's sends
};

} // namespace

void lower::finishMessages(MutableArrayRef<DeviceProgram> programs) {
  // Sender and message to receiver and position.
  std::map<std::pair<int64_t, MessageName>, std::pair<size_t, int64_t>> receives;
  for (auto [number, program] : llvm::enumerate(programs))
    for (auto [at, item] : llvm::enumerate(program.instructions))
      if (item.kind == Instruction::Receive)
        receives[{item.peer, nameOf(item)}] = {number, at};

  for (DeviceProgram &program : programs) {
    std::map<size_t, Evidence> evidence; // by receiver
    for (auto [at, item] : llvm::enumerate(program.instructions)) {
      if (item.kind != Instruction::Transmit || item.isMove())
        continue;
      Lifetime &lifetime = program.pieces[item.pieces[0]].lifetime;
      item.handover = lifetime.last == int64_t(at);
      int64_t known = program.instructions.size();
      auto found = receives.find({program.index, nameOf(item)});
      if (found != receives.end()) {
        auto [receiver, position] = found->second;
        auto [entry, isNew] = evidence.try_emplace(receiver, program,
                                                   programs[receiver]);
        known = entry->second.of(position);
      }
      lifetime.last = std::max<int64_t>(lifetime.last, known - 1);
    }
  }
}
