//===- CheckVersions.cpp - Every run reads the version that it must -------===//

#include "lib/Runtime/Plan/CheckVersions.h"

#include "lib/Runtime/Error.h"

#include <algorithm>
#include <map>
#include <set>

using namespace bitpipe;

namespace {

/// The devices that update the parameters of the same stages, ascending.
using Holders = std::map<std::vector<int64_t>, std::vector<int64_t>>;

Holders findHolders(const Program &program) {
  Holders holders;
  for (size_t d = 0; d < program.devices.size(); ++d)
    for (const Instruction &op : program.devices[d].instructions)
      if (auto *step = std::get_if<Step>(&op); step && step->isBetween())
        if (std::vector<int64_t> &devices = holders[step->stages];
            devices.empty() || devices.back() != int64_t(d))
          devices.push_back(int64_t(d));
  return holders;
}

/// Parameters that a device updates: of one stage that it runs, which may share them with others.
struct Group {
  std::vector<int64_t> stages;
  int64_t stage, gradients, versions;
  std::optional<int64_t> working;
  std::vector<int64_t> holders; // devices
  std::map<int64_t, std::set<int64_t>> own = {}; // micro-batches that add to each update, in all
  int64_t steps = 0, sums = 0;
  std::set<int64_t> added = {}; // micro-batches whose gradients came since the last one

  bool isComplete() const {
    auto found = own.find(steps);
    return found != own.end() && found->second == added;
  }
};

class VersionChecker {
public:
  VersionChecker(const Program &program, size_t number, const Holders &holders)
      : program(program), device(program.devices[number]), number(number), holders(holders) {}

  void check() {
    findGroups();
    for (const Instruction &op : device.instructions)
      std::visit(*this, op);
    for (auto &[slot, group] : groups)
      if (group.steps != program.updatesPerStep())
        failHere("updates stage ", group.stage, " ", group.steps, " times in a step, expected ",
                 program.updatesPerStep());
  }
  const std::map<int64_t, Group> &all() const { return groups; }

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
    held[op.kept] = {&group, op.version};
    if (op.working)
      held[*op.workingKept] = {&group, op.version};
  }
  void operator()(const Step &op) {
    if (!op.isBetween())
      return failHere(textOf(op), " ends the step, expected updates after every ",
                      program.updateEvery, " micro-batches alone");
    Group &group = groups.at(op.weights);
    if (group.gradients != op.gradients || group.stages != op.stages ||
        group.versions != op.versions || group.working != op.working)
      failHere(textOf(op), " is not of the slots, stages and versions of the one before it");
    if (!group.isComplete())
      failIncomplete(op, group);
    int64_t last = *group.added.rbegin();
    if (op.microbatch != last)
      failHere(textOf(op), " is number ", group.steps, " of its stage, expected it after mb ", last);
    bool isShared = group.holders.size() > 1;
    if (isShared && group.sums != group.steps + 1)
      failHere(textOf(op), " comes without a sum over devices ", listText(group.holders),
               ", which hold the parameters, too");
    group.added.clear();
    ++group.steps;
  }
  /// A sum is of all gradients of the next update, once.
  void operator()(const Collective &op) {
    auto found = byGradients.find(op.slot);
    if (op.kind != Collective::AllReduce || found == byGradients.end())
      failHere(textOf(op), ", expected no other sums with updates between micro-batches than those "
               "of what these take");
    Group &group = *found->second;
    if (op.stages != group.stages || op.devices != group.holders || op.devices.size() < 2)
      failHere(textOf(op), " is over devices ", listText(op.devices), ", expected those of stages ",
               listText(group.stages), ", ", listText(group.holders));
    if (!group.isComplete())
      failIncomplete(op, group);
    if (group.sums++ != group.steps)
      failHere(textOf(op), " comes a second time before an update, expected once");
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
  struct Version {
    const Group *group;
    int64_t number;
  };

  template <typename... Parts> [[noreturn]] void failHere(const Parts &...parts) const {
    fail(program.path, ": error: device ", number, ": ", parts...);
  }
  static std::string textOf(const auto &op) { return "'" + text(Instruction(op)) + "'"; }

  [[noreturn]] void failIncomplete(const auto &op, const Group &group) const {
    auto own = group.own.find(group.steps);
    failHere(textOf(op), " comes behind the weight gradients of ", group.added.size(),
             " micro-batches, expected those of ",
             own == group.own.end() ? 0 : own->second.size(), " for update ", group.steps);
  }

  /// The one that the device runs.
  int64_t stageOf(const Step &op) const {
    std::set<int64_t> run;
    for (const Instruction &other : device.instructions)
      if (auto *execute = std::get_if<Execute>(&other))
        if (std::ranges::find(op.stages, execute->run.stage) != op.stages.end())
          run.insert(execute->run.stage);
    if (run.size() != 1)
      failHere(textOf(op), ", of which stages the device runs ", run.size(),
               ", expected one between micro-batches");
    return *run.begin();
  }

  void addGroup(const Step &step) {
    if (groups.contains(step.weights))
      return;
    if (step.versions < 1)
      failHere("stages ", listText(step.stages), " have ", step.versions,
               " versions, expected 1 or more");
    Group &group = groups[step.weights] = {step.stages,   stageOf(step), step.gradients,
                                           step.versions, step.working,  holders.at(step.stages)};
    if (!byGradients.try_emplace(group.gradients, &group).second)
      failHere("stage ", group.stage, " shares slot ", group.gradients, " of gradients");
    if (group.working)
      byWorking[*group.working] = &group;
  }

  void findGroups() {
    for (const Instruction &op : device.instructions)
      if (auto *step = std::get_if<Step>(&op); step && step->isBetween())
        addGroup(*step);
    for (const Instruction &op : device.instructions)
      if (auto *run = std::get_if<Execute>(&op); run && run->run.kind != 'F' && run->run.kind != 'R')
        for (int64_t slot : run->slots)
          if (auto found = byGradients.find(slot); found != byGradients.end())
            found->second->own[program.updateOf(run->run.microbatch)].insert(run->run.microbatch);
  }

  /// What version of which parameters a slot holds; nothing if it is of no weights that are
  /// updated.
  std::optional<Version> versionIn(const Execute &op, int64_t slot) const {
    if (auto found = groups.find(slot); found != groups.end())
      return Version{&found->second, found->second.steps};
    if (auto found = byWorking.find(slot); found != byWorking.end())
      return Version{found->second, found->second->steps};
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
    if (found->group->stage != stage)
      failHere(textOf(op), " reads weights of stage ", found->group->stage, " in slot ", slot);
    int64_t older = found->group->versions - 1;
    int64_t wanted = std::max<int64_t>(0, program.updateOf(microbatch) - older);
    if (found->number != wanted)
      failHere(textOf(op), " reads version ", found->number, " of the weights in slot ", slot,
               ", expected version ", wanted);
  }

  /// An input gradient that is computed with the loss may add to the sum, too.
  void checkAdds(const Execute &op, Group &group) const {
    int64_t turn = program.updateOf(op.run.microbatch);
    if (turn != group.steps)
      failHere(textOf(op), " adds to the gradients of update ", group.steps,
               ", expected that of its micro-batch, ", turn);
    if (group.sums > group.steps)
      failHere(textOf(op), " adds to gradients that are summed before it");
    group.added.insert(op.run.microbatch);
  }

  const Program &program;
  const DeviceList &device;
  size_t number;
  const Holders &holders;
  std::map<int64_t, Group> groups; // by the slot of their weights
  std::map<int64_t, Group *> byGradients, byWorking;
  std::map<int64_t, Version> held; // by the slot that keeps it
};

/// Whether each update of parameters takes the gradients of all its micro-batches in each stage
/// that has them, once.
class ShareChecker {
public:
  explicit ShareChecker(const Program &program) : program(program) {}

  void add(size_t device, const Group &group) {
    for (auto &[update, microbatches] : group.own)
      for (int64_t microbatch : microbatches)
        if (!shares[{group.stages, group.stage}].insert(microbatch).second)
          fail(program.path, ": error: device ", device, " adds the gradients of stage ", group.stage,
               ", mb ", microbatch, ", as another one does, expected one to do so");
  }
  void check() const {
    for (auto &[name, microbatches] : shares)
      if (int64_t(microbatches.size()) != program.microbatches)
        fail(program.path, ": error: updates of stage ", name.second, " take the gradients of ",
             microbatches.size(), " micro-batches, expected ", program.microbatches);
    for (auto &[name, microbatches] : shares)
      for (int64_t stage : name.first)
        if (!shares.contains({name.first, stage}))
          fail(program.path, ": error: parameters of stages ", listText(name.first),
               " are not updated with the gradients of stage ", stage, ", expected all");
  }

private:
  const Program &program;
  /// By the stages of the parameters and one of these.
  std::map<std::pair<std::vector<int64_t>, int64_t>, std::set<int64_t>> shares;
};

} // namespace

static void checkBetween(const Program &program) {
  Holders holders = findHolders(program);
  ShareChecker shares(program);
  for (size_t number = 0; number < program.devices.size(); ++number) {
    VersionChecker checker(program, number, holders);
    checker.check();
    for (auto &[slot, group] : checker.all())
      shares.add(number, group);
  }
  shares.check();
}

static void checkNone(const Program &program, size_t number) {
  for (const Instruction &op : program.devices[number].instructions) {
    auto *step = std::get_if<Step>(&op);
    if ((step && step->isBetween()) || std::holds_alternative<Stash>(op))
      fail(program.path, ": error: device ", number, ": '", text(op),
           "', expected none of this in a plan whose step ends with an update");
  }
}

void bitpipe::checkVersions(const Program &program) {
  if (program.updateEvery)
    return checkBetween(program);
  for (size_t number = 0; number < program.devices.size(); ++number)
    checkNone(program, number);
}
