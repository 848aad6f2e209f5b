//===- CheckMemory.cpp - What devices hold at once -------------------------===//

#include "lib/Transforms/Schedule/Check/CheckText.h"
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
      : placement(program.placement), walk(placement, costs),
        hostWalk(placement, costs, Holder::Host),
        unread(tensorCount(placement)) {}

  /// The lists are walked one after the other; what is unread at the end of
  /// one counts no more.
  void restart() {
    now = {};
    walk.restart();
    hostWalk.restart();
  }

  void visit(const Instruction &instruction) {
    freed = freedByHost = 0;
    if (std::optional<Action> action = actionOf(instruction))
      return act(*action);
    if (instruction.op != Op::Recv)
      return;
    unread[tensorKey(placement, tensorOf(instruction.action))] = true;
    ++now.receives;
  }
  /// What a run has freed is free for the next one.
  void leave() {
    now.activations -= freed;
    now.onHost -= freedByHost;
  }

  Held now;

private:
  void act(const Action &action) {
    MemoryChange change = walk.next(action);
    now.activations += change.taken;
    freed = change.freed;
    MemoryChange host = hostWalk.next(action);
    now.onHost += host.taken;
    freedByHost = host.freed;
    std::optional<Tensor> read = received(placement, action);
    if (!read)
      return;
    size_t key = tensorKey(placement, *read);
    now.receives -= unread[key];
    unread[key] = false;
  }

  const Placement &placement;
  MemoryWalk walk, hostWalk;
  double freed = 0, freedByHost = 0;
  /// By tensorKey, whether it is posted and its run still to come.
  std::vector<bool> unread;
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
  return text.str();
}

std::vector<Held> bitpipe::schedule::mostHeld(const Program &program,
                                              const Costs &costs) {
  std::vector<Held> result;
  Holdings holdings(program, costs);
  for (const auto &list : program.devices) {
    holdings.restart();
    Held &most = result.emplace_back();
    for (const Instruction &instruction : list) {
      holdings.visit(instruction);
      most.activations =
          std::max(most.activations, holdings.now.activations);
      most.onHost = std::max(most.onHost, holdings.now.onHost);
      most.receives = std::max(most.receives, holdings.now.receives);
      holdings.leave();
    }
  }
  return result;
}

Checked bitpipe::schedule::checkMemory(const Program &program,
                                       const Costs &costs,
                                       const std::vector<Held> &limits) {
  Holdings holdings(program, costs);
  for (size_t device = 0; device < program.devices.size(); ++device) {
    holdings.restart();
    for (size_t i = 0; i < program.devices[device].size(); ++i) {
      holdings.visit(program.devices[device][i]);
      std::string wrong = exceeded(holdings.now, limits[device]);
      if (!wrong.empty())
        return violation("memory", program, int(device), int(i), wrong);
      holdings.leave();
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
