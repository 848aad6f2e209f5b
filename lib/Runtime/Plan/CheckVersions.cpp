//===- CheckVersions.cpp - Every run reads the version that it must -------===//

#include "lib/Runtime/Plan/CheckVersions.h"

#include "lib/Runtime/Error.h"

#include <algorithm>
#include <map>
#include <set>

using namespace bitpipe;

namespace {

class VersionChecker {
public:
  VersionChecker(const Program &program, size_t number)
      : program(program), device(program.devices[number]), number(number) {}

  void check() {
    findGroups();
    for (const Instruction &op : device.instructions)
      std::visit(*this, op);
    for (auto &[slot, group] : groups)
      if (group.steps != program.updatesPerStep())
        failHere("updates stage ", group.stage, " ", group.steps, " times in a step, expected ",
                 program.updatesPerStep());
  }

  void operator()(const Execute &op) {
    for (int64_t slot : op.slots)
      checkRead(op, slot);
    if (op.run.kind == 'F' || op.run.kind == 'R')
      return;
    for (int64_t slot : op.slots)
      if (auto found = byGradients.find(slot); found != byGradients.end())
        checkAdds(op, *found->second);
  }
  void operator()(const Stash &op) {
    auto found = groups.find(op.weights);
    if (found == groups.end())
      failHere(textOf(op), " is of weights that no update between micro-batches changes");
    const Group &group = found->second;
    if (op.version != group.steps)
      failHere(textOf(op), " finds version ", group.steps, " there");
    if (op.working != group.working)
      failHere(textOf(op), op.working ? " keeps copies in bf16 that are not those of the weights"
                                      : " keeps no copies in bf16, expected them");
    held[op.kept] = {group.stage, op.version};
    if (op.working)
      held[*op.workingKept] = {group.stage, op.version};
  }
  void operator()(const Step &op) {
    if (!op.isBetween())
      return failHere(textOf(op), " ends the step, expected updates after every ",
                      program.updateEvery, " micro-batches alone");
    Group &group = groups.at(op.weights);
    int64_t expected = (group.steps + 1) * program.updateEvery - 1;
    if (op.microbatch != expected)
      failHere(textOf(op), " is number ", group.steps, " of its stage, expected it after mb ",
               expected);
    if (group.gradients != op.gradients || group.stage != stageOf(op) ||
        group.versions != op.versions || group.working != op.working)
      failHere(textOf(op), " is not of the slots, stage and versions of the one before it");
    if (int64_t(group.added.size()) != program.updateEvery)
      failHere(textOf(op), " comes behind the weight gradients of ", group.added.size(),
               " micro-batches, expected those of ", program.updateEvery);
    group.added.clear();
    ++group.steps;
  }
  void operator()(const Collective &op) {
    failHere(textOf(op), ", expected none with updates between micro-batches");
  }
  void operator()(const Clear &op) {
    failHere(textOf(op), ", expected none with updates between micro-batches");
  }
  void operator()(const Round &op) {
    failHere(textOf(op), ", expected none with updates between micro-batches");
  }
  void operator()(const Transmit &) {}
  void operator()(const Receive &) {}
  void operator()(const GradNorm &) {}

private:
  /// The parameters of a stage that are updated.
  struct Group {
    int64_t stage, gradients, versions;
    std::optional<int64_t> working;
    int64_t steps = 0;
    std::set<int64_t> added = {}; // micro-batches whose gradients came since the last one
  };
  struct Version {
    int64_t stage, number;
  };

  template <typename... Parts> [[noreturn]] void failHere(const Parts &...parts) const {
    fail(program.path, ": error: device ", number, ": ", parts...);
  }
  static std::string textOf(const auto &op) { return "'" + text(Instruction(op)) + "'"; }

  int64_t stageOf(const Step &op) const {
    if (op.stages.size() != 1)
      failHere(textOf(op), ", expected one stage between micro-batches");
    return op.stages.front();
  }

  void findGroups() {
    for (const Instruction &op : device.instructions)
      if (auto *step = std::get_if<Step>(&op); step && step->isBetween())
        groups.try_emplace(step->weights, Group{stageOf(*step), step->gradients, step->versions,
                                                step->working});
    for (auto &[weights, group] : groups) {
      if (group.versions < 1)
        failHere("stage ", group.stage, " has ", group.versions, " versions, expected 1 or more");
      if (!byGradients.try_emplace(group.gradients, &group).second)
        failHere("stage ", group.stage, " shares slot ", group.gradients, " of gradients");
      if (group.working)
        byWorking[*group.working] = &group;
    }
  }

  /// What version of which stage a slot holds; nothing if it is of no weights that are
  /// updated.
  std::optional<Version> versionIn(const Execute &op, int64_t slot) const {
    if (auto found = groups.find(slot); found != groups.end())
      return Version{found->second.stage, found->second.steps};
    if (auto found = byWorking.find(slot); found != byWorking.end())
      return Version{found->second->stage, found->second->steps};
    if (device.slots[slot].source != SlotSource::Stashed)
      return std::nullopt;
    if (auto found = held.find(slot); found != held.end())
      return found->second;
    failHere(textOf(op), " reads slot ", slot, ", which holds no version of the weights yet");
  }

  void checkRead(const Execute &op, int64_t slot) const {
    auto [kind, stage, microbatch] = op.run;
    if (device.slots[slot].source == SlotSource::Seed) {
      int64_t given = device.slots[slot].microbatch, group = program.updateOf(microbatch);
      if (program.updateOf(given) != group)
        failHere(textOf(op), " reads the seed of mb ", given, ", expected that of its update");
    }
    std::optional<Version> found = versionIn(op, slot);
    if (!found)
      return;
    auto own = std::ranges::find_if(groups, [&](const auto &entry) {
      return entry.second.stage == stage;
    });
    if (found->stage != stage || own == groups.end())
      failHere(textOf(op), " reads weights of stage ", found->stage, " in slot ", slot);
    int64_t older = own->second.versions - 1;
    int64_t wanted = std::max<int64_t>(0, program.updateOf(microbatch) - older);
    if (found->number != wanted)
      failHere(textOf(op), " reads version ", found->number, " of the weights in slot ", slot,
               ", expected version ", wanted);
  }

  /// An input gradient that is computed with the loss may add to the sum, too.
  void checkAdds(const Execute &op, Group &group) const {
    int64_t turn = program.updateOf(op.run.microbatch);
    if (turn != group.steps)
      failHere(textOf(op), " adds to the gradients of the update after mb ",
               (group.steps + 1) * program.updateEvery - 1, ", expected that of its micro-batch");
    group.added.insert(op.run.microbatch);
  }

  const Program &program;
  const DeviceList &device;
  size_t number;
  std::map<int64_t, Group> groups; // by the slot of their weights
  std::map<int64_t, Group *> byGradients, byWorking;
  std::map<int64_t, Version> held; // by the slot that keeps it
};

} // namespace

static void checkNone(const Program &program, size_t number) {
  for (const Instruction &op : program.devices[number].instructions) {
    auto *step = std::get_if<Step>(&op);
    if ((step && step->isBetween()) || std::holds_alternative<Stash>(op))
      fail(program.path, ": error: device ", number, ": '", text(op),
           "', expected none of this in a plan whose step ends with an update");
  }
}

void bitpipe::checkVersions(const Program &program) {
  for (size_t number = 0; number < program.devices.size(); ++number)
    if (program.updateEvery)
      VersionChecker(program, number).check();
    else
      checkNone(program, number);
}
