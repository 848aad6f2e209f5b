//===- Replay.cpp - Does a plan come to its end? ---------------------------===//
//
// Walks all device lists without computing anything. A device stands still at
// an instruction whose waits are not complete; if all stand still before their
// end, the plan would block, and the message names what each one waits for.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Plan/CheckMoves.h"
#include "lib/Runtime/Plan/Links.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

using namespace bitpipe;

namespace {

class Replay {
public:
  Replay(const Program &program, const Links &links)
      : program(program), links(links), devices(program.devices.size()),
        messages(links.messages.size()), collectives(links.collectives.size()) {}

  void run() {
    for (bool moved = true; moved;) {
      moved = false;
      for (size_t d = 0; d < devices.size(); ++d)
        moved |= advance(d);
      for (size_t d = 0; d < devices.size(); ++d)
        moved |= advanceCollectives(d);
    }
    std::string blocked;
    for (size_t d = 0; d < devices.size(); ++d)
      if (devices[d].step < steps)
        blocked += (blocked.empty() ? "" : "; ") + describe(d);
    if (!blocked.empty())
      fail(program.path, ": error: the plan would block: ", blocked);
  }

private:
  static constexpr int64_t steps = 3;

  struct State {
    int64_t step = 0;
    size_t next = 0;      // instruction
    int64_t started = 0;  // collectives, over all steps
    int64_t done = 0;     // those it took part in
    int64_t waiting = -1; // the one it stands at
    bool atNorm = false;  // arrived at the gradient norm
    int64_t norms = 0;    // gradient norms arrived at
  };
  /// Something that several devices start and whose last start completes it.
  struct Meeting {
    int64_t starts = 0; // over all steps
    int64_t completed = 0;
  };

  const std::vector<Instruction> &list(size_t d) const {
    return program.devices[d].instructions;
  }

  bool isComplete(const Wait &wait, int64_t step) const {
    int64_t needed = step + 1 - wait.previousStep;
    if (wait.kind == Wait::Message)
      return messages[wait.index].starts >= 2 * needed;
    return collectives[wait.index].completed >= needed;
  }

  bool advance(size_t d) {
    bool moved = false;
    while (devices[d].step < steps && step(d))
      moved = true;
    return moved;
  }

  /// Carries out the next instruction of a device, if nothing holds it.
  bool step(size_t d) {
    State &state = devices[d];
    for (const Wait &wait : waitsOf(d))
      if (!isComplete(wait, state.step))
        return false;
    if (state.next == list(d).size()) {
      ++state.step;
      state.next = 0;
      return true;
    }
    const Instruction &op = list(d)[state.next];
    if (std::holds_alternative<GradNorm>(op) && !passNorm(state))
      return false;
    int64_t started = links.devices[d].starts[state.next];
    if (std::holds_alternative<Collective>(op))
      ++state.started;
    else if (started >= 0)
      ++messages[started].starts;
    ++state.next;
    return true;
  }

  /// Of the next instruction, or of the end of the step.
  const std::vector<Wait> &waitsOf(size_t d) const {
    const DeviceLinks &device = links.devices[d];
    size_t next = devices[d].next;
    return next < device.waits.size() ? device.waits[next] : device.atEnd;
  }

  /// All devices give their part before any of them has the norm.
  bool passNorm(State &state) {
    if (!state.atNorm) {
      state.atNorm = true;
      ++state.norms;
    }
    for (const State &other : devices)
      if (other.norms < state.norms)
        return false;
    state.atNorm = false;
    return true;
  }

  /// A device's collectives run one after the other, each when all members are there.
  bool advanceCollectives(size_t d) {
    State &state = devices[d];
    const auto &order = links.devices[d].collectives;
    if (state.done == state.started)
      return false;
    int64_t round = state.done / int64_t(order.size());
    int64_t index = order[state.done % order.size()];
    Meeting &meeting = collectives[index];
    if (state.waiting != index) {
      ++meeting.starts;
      state.waiting = index;
    }
    auto members = int64_t(links.collectives[index].devices.size());
    if (meeting.starts < members * (round + 1))
      return false;
    ++state.done;
    meeting.completed = round + 1;
    state.waiting = -1;
    return true;
  }

  std::string describe(size_t d) const {
    const State &state = devices[d];
    bool atEnd = state.next == list(d).size();
    std::string what = "device " + std::to_string(d) + " at " +
                       (atEnd ? "its end" : "'" + text(list(d)[state.next]) + "'") +
                       " waits for ";
    for (const Wait &wait : waitsOf(d))
      if (!isComplete(wait, state.step))
        return what + (wait.kind == Wait::Message
                           ? describeMessage(d, links.messages[wait.index])
                           : describeCollective(d, wait.index));
    return what + "the other devices to reach it";
  }

  std::string describeMessage(size_t d, const MessageLink &message) const {
    bool sends = int64_t(d) == message.from;
    return "device " + std::to_string(sends ? message.to : message.from) +
           (sends ? " to receive " : " to send ") + text(message.run);
  }

  std::string describeCollective(size_t d, int64_t index) const {
    int64_t first = devices[d].waiting >= 0 ? devices[d].waiting : index;
    const CollectiveLink &link = links.collectives[first];
    return "devices " + listText(link.devices) + " to start " + nounOf(link);
  }

  const Program &program;
  const Links &links;
  std::vector<State> devices;
  std::vector<Meeting> messages, collectives;
};

/// Checks that what a stage that recomputes saves is made between the forward and the
/// gradient, once.
void checkRecomputation(const Program &program, size_t number) {
  const DeviceList &device = program.devices[number];
  std::set<int64_t> recomputed = recomputedStages(device);
  enum Made { Nothing, Input, Saved, Gone };
  std::map<std::pair<int64_t, int64_t>, Made> made;
  for (const Instruction &op : device.instructions) {
    auto *run = std::get_if<Execute>(&op);
    if (!run || !recomputed.count(run->run.stage) || run->run.kind == 'W')
      continue;
    Made &now = made[{run->run.stage, run->run.microbatch}];
    auto fail = [&](const char *what) {
      bitpipe::fail(program.path, ": error: device ", number, ": '", text(op),
                    "' comes ", what);
    };
    if (run->run.kind == 'F') {
      now = Input;
    } else if (run->run.kind == 'R') {
      if (now != Input)
        fail(now == Nothing ? "before the forward, whose input it reads"
                            : "a second time, when its input is freed");
      now = Saved;
    } else {
      if (now != Saved)
        fail("without the recomputation that makes what it reads");
      now = Gone;
    }
  }
}

/// Checks that a tensor is sent after the run that makes it and received
/// before the one that needs it.
void checkReadiness(const Program &program, size_t number) {
  std::map<std::tuple<bool, int64_t, int64_t>, size_t> ran;
  const auto &list = program.devices[number].instructions;
  auto failHere = [&](const Instruction &op, const char *what) {
    fail(program.path, ": error: device ", number, ": '", text(op), "' comes ",
         what);
  };
  for (size_t i = 0; i < list.size(); ++i) {
    if (auto *op = std::get_if<Receive>(&list[i])) {
      if (op->run.isMove())
        continue;
      // A forward run needs the stage before it, a backward one the one behind.
      bool forward = op->run.kind == 'F';
      int64_t user = op->run.stage + (forward ? 1 : -1);
      if (ran.count({forward, user, op->run.microbatch}))
        failHere(list[i], "after the run that needs it, expected before");
    } else if (auto *op = std::get_if<Transmit>(&list[i])) {
      if (op->run.isMove())
        continue;
      if (!ran.count({op->run.kind == 'F', op->run.stage, op->run.microbatch}))
        failHere(list[i], "before the run that makes it, expected after");
    } else if (auto *op = std::get_if<Execute>(&list[i])) {
      if (op->run.kind != 'W' && op->run.kind != 'R')
        ran[{op->run.kind == 'F', op->run.stage, op->run.microbatch}] = i;
    }
  }
}

} // namespace

void bitpipe::checkProgress(const Program &program, const Links &links) {
  for (size_t d = 0; d < program.devices.size(); ++d) {
    checkReadiness(program, d);
    checkRecomputation(program, d);
    checkMoves(program, d);
  }
  Replay(program, links).run();
}
