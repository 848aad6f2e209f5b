//===- CheckMoves.cpp - What is evicted comes back in time ----------------===//

#include "lib/Runtime/Plan/CheckMoves.h"

#include "lib/Runtime/Error.h"

#include <algorithm>
#include <map>
#include <set>

using namespace bitpipe;

namespace {

class MoveChecker {
public:
  MoveChecker(const Program &program, size_t number)
      : program(program), number(number) {}

  void check() {
    for (const Instruction &op : program.devices[number].instructions) {
      if (auto *run = std::get_if<Execute>(&op))
        visit(op, run->run);
      else if (auto *send = std::get_if<Transmit>(&op); send && send->run.isMove())
        visitSend(op, *send);
      else if (auto *receive = std::get_if<Receive>(&op); receive && receive->run.isMove())
        visitReceive(op, *receive);
    }
    for (const auto &[run, state] : states)
      if (state.kept)
        fail(program.path, ": error: device ", number, ": keeps what stage ", run.first,
             " has saved of micro-batch ", run.second, " and never gives it back");
  }

private:
  struct State {
    bool ran = false, freed = false;
    /// Pieces that are away, that have come back, and that are kept for another device.
    int64_t away = 0, back = 0, kept = 0;
    std::set<int64_t> sent; // slots
  };

  State &stateOf(const RunName &run) { return states[{run.stage, run.microbatch}]; }

  [[noreturn]] void failHere(const Instruction &op, const char *what) {
    fail(program.path, ": error: device ", number, ": '", text(op), "' ", what);
  }

  void visit(const Instruction &op, const RunName &run) {
    State &state = stateOf(run);
    if (run.kind == 'F')
      state.ran = true;
    if (run.kind != 'I' && run.kind != 'B')
      return;
    if (state.away)
      failHere(op, "reads what is evicted, expected it to be loaded before");
    state.freed = true;
  }

  const Slot &slotOf(int64_t slot) const { return device().slots[slot]; }
  const DeviceList &device() const { return program.devices[number]; }

  /// What the host keeps shares no memory with what it is given.
  void keepOnHost(const Instruction &op, const Receive &receive) {
    const Slot &mine = slotOf(receive.slot);
    if (!mine.onHost())
      return;
    if (std::ranges::any_of(onHost, [&](auto &kept) { return slotOf(kept.first).overlaps(mine); }))
      failHere(op, "overwrites what the host keeps, expected other memory");
    onHost[receive.slot] = {receive.run.stage, receive.run.microbatch};
  }
  void takeFromHost(const Instruction &op, const Transmit &send) {
    if (!slotOf(send.slot).onHost())
      return;
    auto kept = onHost.find(send.slot);
    if (kept == onHost.end() || kept->second != std::pair(send.run.stage, send.run.microbatch))
      failHere(op, "gives back what the host does not keep there");
    onHost.erase(kept);
  }

  void visitSend(const Instruction &op, const Transmit &send) {
    State &state = stateOf(send.run);
    if (send.run.kind == 'G') {
      if (state.kept-- == 0)
        failHere(op, "gives back what is not kept here");
      return takeFromHost(op, send);
    }
    if (!state.ran)
      failHere(op, "evicts what no forward has saved before it");
    if (state.freed)
      failHere(op, "evicts what its gradient has freed");
    if (state.back || !state.sent.insert(send.slot).second)
      failHere(op, "evicts a second time, expected once");
    ++state.away;
  }

  void visitReceive(const Instruction &op, const Receive &receive) {
    State &state = stateOf(receive.run);
    if (receive.run.kind == 'E') {
      ++state.kept;
      return keepOnHost(op, receive);
    }
    if (state.away-- == 0)
      failHere(op, "loads what is not evicted before it");
    ++state.back;
  }

  const Program &program;
  size_t number;
  std::map<std::pair<int64_t, int64_t>, State> states; // by stage and micro-batch
  std::map<int64_t, std::pair<int64_t, int64_t>> onHost; // stage and micro-batch by slot
};

} // namespace

void bitpipe::checkMoves(const Program &program, size_t number) {
  MoveChecker(program, number).check();
}
