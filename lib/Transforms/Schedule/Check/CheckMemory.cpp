//===- CheckMemory.cpp - What devices hold at once -------------------------===//

#include "lib/Transforms/Schedule/Check/CheckText.h"
#include "lib/Transforms/Schedule/Check/SentUntil.h"
#include "lib/Transforms/Schedule/Core/MemoryWalk.h"

#include <algorithm>
#include <sstream>

using namespace bitpipe::schedule;
using Op = Instruction::Op;

namespace {
/// What one device and its host hold while its list is walked.
class Holdings {
public:
  Holdings(const Program &program, const Costs &costs)
      : program(program), placement(program.placement), walk(placement, costs),
        hostWalk(placement, costs, Holder::Host), unread(tensorCount(placement)),
        until(sentUntil(program)) {}

  /// The lists are walked one after the other; what is unread at the end of
  /// one counts no more.
  void restart(size_t next) {
    now = {};
    walk.restart();
    hostWalk.restart();
    device = next;
    released.assign(program.devices[device].size(), 0);
    for (int last : until[device])
      if (last >= 0)
        ++released[last];
  }

  void visit(size_t position) {
    const Instruction &instruction = program.devices[device][position];
    toFree = freedByHost = 0;
    if (std::optional<Action> action = actionOf(instruction))
      return act(*action);
    if (instruction.op != Op::Recv)
      return;
    unread[tensorKey(placement, tensorOf(instruction.action))] = true;
    ++now.receives;
  }
  /// What a run has freed is free for the next one, and what is now known to be received.
  void leave(size_t position) {
    now.activations -= toFree;
    now.onHost -= freedByHost;
    now.sends -= released[position];
  }

  Held now;

private:
  void act(const Action &action) {
    MemoryChange change = walk.next(action);
    now.activations += change.taken;
    toFree = change.freed;
    MemoryChange host = hostWalk.next(action);
    now.onHost += host.taken;
    freedByHost = host.freed;
    now.sends += isRun(action.kind) && receiver(placement, action) >= 0;
    std::optional<Tensor> read = received(placement, action);
    if (!read)
      return;
    size_t key = tensorKey(placement, *read);
    now.receives -= unread[key];
    unread[key] = false;
  }

  const Program &program;
  const Placement &placement;
  MemoryWalk walk, hostWalk;
  size_t device = 0;
  double toFree = 0, freedByHost = 0;
  /// By tensorKey, whether it is posted and its run still to come.
  std::vector<bool> unread;
  std::vector<std::vector<int>> until; // see sentUntil
  /// By position of the device, how many of its messages are known to be received behind it.
  std::vector<int> released;
};
} // namespace

static std::string exceeded(const Held &held, const Held &limit) {
  std::ostringstream text;
  if (held.activations > limit.activations + 1e-6)
    text << "holds " << held.activations
         << " activations at once, expected at most " << limit.activations;
  else if (held.onHost > limit.onHost + 1e-6)
    text << "has " << held.onHost << " activations on its host at once, expected at most "
         << limit.onHost;
  else if (held.receives > limit.receives)
    text << "posts receive " << held.receives
         << " before the first of them is read, expected at most "
         << limit.receives << " buffers";
  else if (held.sends > limit.sends)
    text << "makes message " << held.sends
         << " before the first of them is known to be received, expected at most "
         << limit.sends << " buffers";
  return text.str();
}

std::vector<Held> bitpipe::schedule::mostHeld(const Program &program,
                                              const Costs &costs) {
  std::vector<Held> result;
  Holdings holdings(program, costs);
  for (size_t device = 0; device < program.devices.size(); ++device) {
    holdings.restart(device);
    Held &most = result.emplace_back();
    for (size_t i = 0; i < program.devices[device].size(); ++i) {
      holdings.visit(i);
      most.activations =
          std::max(most.activations, holdings.now.activations);
      most.onHost = std::max(most.onHost, holdings.now.onHost);
      most.receives = std::max(most.receives, holdings.now.receives);
      most.sends = std::max(most.sends, holdings.now.sends);
      holdings.leave(i);
    }
  }
  return result;
}

Checked bitpipe::schedule::checkMemory(const Program &program,
                                       const Costs &costs,
                                       const std::vector<Held> &limits) {
  Holdings holdings(program, costs);
  for (size_t device = 0; device < program.devices.size(); ++device) {
    holdings.restart(device);
    for (size_t i = 0; i < program.devices[device].size(); ++i) {
      holdings.visit(i);
      std::string wrong = exceeded(holdings.now, limits[device]);
      if (!wrong.empty())
        return violation("memory", program, int(device), int(i), wrong);
      holdings.leave(i);
    }
  }
  return {};
}

Checked bitpipe::schedule::checkVersions(const Program &program) {
  for (size_t device = 0; device < program.devices.size(); ++device) {
    // Per stage, where its parameters are first updated.
    std::vector<int> updated(program.placement.stages(), -1);
    for (size_t i = 0; i < program.devices[device].size(); ++i) {
      const Instruction &instruction = program.devices[device][i];
      if (instruction.op == Op::Update)
        for (int stage : program.groups[instruction.group].stages)
          if (updated[stage] < 0)
            updated[stage] = int(i);
      if (instruction.op != Op::Run)
        continue;
      int update = updated[instruction.action.stage];
      if (update >= 0)
        return violation("versions", program, int(device), int(i),
                         "runs with weights that are already updated, " +
                             placeText(program, int(device), update));
    }
  }
  return {};
}
