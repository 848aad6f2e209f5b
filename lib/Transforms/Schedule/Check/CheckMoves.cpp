//===- CheckMoves.cpp - What is evicted comes back in time -----------------===//

#include "lib/Transforms/Schedule/Check/CheckText.h"

#include <utility>

using namespace bitpipe::schedule;
using Op = Instruction::Op;

namespace {
/// Where what a forward has saved is: on its device, and on the one that keeps it.
enum class Home : uint8_t { Nothing, Saved, Away, Loaded, Freed };
enum class Guest : uint8_t { Nothing, Kept, Given };

class Walk {
public:
  Walk(const Program &program)
      : program(program), placement(program.placement),
        home(size_t(placement.stages()) * placement.microbatches()), guest(home.size()) {}

  Checked visit(int device, int position);
  Checked unfinished() const;

private:
  size_t index(int stage, int microbatch) const {
    return size_t(stage) * placement.microbatches() + microbatch;
  }
  bool comesBack(int device, const Action &action) const;
  std::string step(const Action &action);
  std::string evict(Home &now);
  std::string load(Home &now);
  std::string gradient(Home &now, const Action &action);

  const Program &program;
  const Placement &placement;
  std::vector<Home> home;
  std::vector<Guest> guest;
};
} // namespace

static std::string named(Kind kind, int stage, int microbatch) {
  return toString(Action{kind, false, stage, microbatch});
}

std::string Walk::evict(Home &now) {
  switch (std::exchange(now, Home::Away)) {
  case Home::Nothing:
    return "evicts what no forward has saved before it";
  case Home::Saved:
    return {};
  case Home::Away:
  case Home::Loaded:
    return "is evicted a second time, expected once";
  case Home::Freed:
    return "evicts what its gradient has freed, expected it before that";
  }
  return {};
}

std::string Walk::load(Home &now) {
  switch (std::exchange(now, Home::Loaded)) {
  case Home::Nothing:
  case Home::Saved:
    return "loads what is not evicted before it";
  case Home::Away:
    return {};
  case Home::Loaded:
    return "is loaded a second time, expected once";
  case Home::Freed:
    return "loads what its gradient has freed, expected it before that";
  }
  return {};
}

/// Whether what an action reads is loaded at any time.
bool Walk::comesBack(int device, const Action &action) const {
  for (const Instruction &instruction : program.devices[device]) {
    std::optional<Action> other = actionOf(instruction);
    if (other && other->kind == Kind::L && other->stage == action.stage &&
        other->microbatch == action.microbatch)
      return true;
  }
  return false;
}

/// What no device keeps is where it is needed.
std::string Walk::gradient(Home &now, const Action &action) {
  Home before = std::exchange(now, Home::Freed);
  int stage = action.stage, m = action.microbatch;
  if (placement.keeper(stage, m) < 0 || before == Home::Loaded)
    return {};
  if (before == Home::Away)
    return "reads what is evicted" +
           std::string(comesBack(placement.device(stage, m), action) ? ""
                                                                      : " and never loaded back") +
           ", expected " + named(Kind::L, stage, m) + " before it";
  return "reads what is to be evicted, expected " + named(Kind::E, stage, m) + " and " +
         named(Kind::L, stage, m) + " before it";
}

/// Makes an action's change; what is wrong with it, or nothing.
std::string Walk::step(const Action &action) {
  Home &here = home[index(action.stage, action.microbatch)];
  Guest &there = guest[index(action.stage, action.microbatch)];
  switch (action.kind) {
  case Kind::F:
    here = Home::Saved;
    return {};
  case Kind::B:
  case Kind::I:
    return gradient(here, action);
  case Kind::E:
    return evict(here);
  case Kind::L:
    return load(here);
  case Kind::K:
    return std::exchange(there, Guest::Kept) == Guest::Nothing
               ? ""
               : "is kept a second time, expected once";
  case Kind::G: {
    Guest before = std::exchange(there, Guest::Given);
    if (before == Guest::Nothing)
      return "gives back what is not kept before it";
    return before == Guest::Kept ? "" : "is freed a second time, expected once";
  }
  case Kind::W:
  case Kind::R:
  case Kind::U:
  case Kind::A:
  case Kind::D:
  case Kind::S:
    return {};
  }
  return {};
}

Checked Walk::visit(int device, int position) {
  std::optional<Action> action = actionOf(program.devices[device][position]);
  if (!action)
    return {};
  std::string wrong;
  int place = placement.place(*action);
  if (isMove(action->kind) && placement.recomputes(action->stage))
    wrong = "moves what stage " + std::to_string(action->stage) +
            " recomputes, expected a stage that saves it";
  else if (isMove(action->kind) && place != device)
    wrong = toString(*action) + " is here, expected on device " + std::to_string(place);
  else
    wrong = step(*action);
  if (wrong.empty())
    return {};
  return violation("moves", program, device, position, wrong);
}

/// What each device must have done at the end of its list, where all else was right.
Checked Walk::unfinished() const {
  for (int stage = 0; stage < placement.stages(); ++stage)
    for (int m = 0; m < placement.microbatches(); ++m) {
      int keeper = placement.keeper(stage, m);
      Guest there = guest[index(stage, m)];
      if (keeper < 0 || there == Guest::Given)
        continue;
      Kind missing = there == Guest::Nothing ? Kind::K : Kind::G;
      return violation("moves", keeper,
                       named(missing, stage, m) + " never comes, expected once: " +
                           named(Kind::E, stage, m) + " evicts, and " +
                           named(Kind::L, stage, m) + " loads again");
    }
  return {};
}

Checked bitpipe::schedule::checkMoves(const Program &program) {
  if (!program.placement.moves())
    return {};
  Walk walk(program);
  for (size_t device = 0; device < program.devices.size(); ++device)
    for (size_t i = 0; i < program.devices[device].size(); ++i)
      if (Checked wrong = walk.visit(int(device), int(i)))
        return wrong;
  return walk.unfinished();
}
