//===- CheckMemory.cpp - What devices hold at once -------------------------===//

#include "lib/Transforms/Schedule/Check/CheckText.h"
#include "lib/Transforms/Schedule/Check/MessageLives.h"
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
      : program(program), walk(program.placement, costs),
        hostWalk(program.placement, costs, Holder::Host), lives(messageLives(program, costs)) {}

  /// The lists are walked one after the other.
  void restart(size_t device) {
    now = {};
    walk.restart();
    hostWalk.restart();
    list = &program.devices[device];
    receives.assign(list->size() + 1, 0);
    sends = receives;
    for (const MessageLife &life : lives[device])
      if (life.sort == MessageLife::Received) {
        ++receives[life.first];
        --receives[std::min(life.read, list->size())];
      } else if (life.sort == MessageLife::Sent) {
        ++sends[life.first];
        --sends[life.last + 1];
      }
  }

  void visit(size_t position) {
    now.receives += receives[position];
    now.sends += sends[position];
    device = host = {};
    if (std::optional<Action> action = actionOf((*list)[position])) {
      device = walk.next(*action);
      host = hostWalk.next(*action);
    }
    now.activations += device.taken;
    now.onHost += host.taken;
  }
  /// What a run has freed is free for the next one.
  void leave() {
    now.activations -= device.freed;
    now.onHost -= host.freed;
  }

  Held now;

private:
  const Program &program;
  MemoryWalk walk, hostWalk;
  const std::vector<Instruction> *list = nullptr;
  MemoryChange device, host; // of the position
  std::vector<std::vector<MessageLife>> lives;
  /// By position, how many messages come to those that are there, or are there no more.
  std::vector<int> receives, sends;
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
    holdings.restart(device);
    for (size_t i = 0; i < program.devices[device].size(); ++i) {
      holdings.visit(i);
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
