//===- Compare.cpp - Whether a checkpoint belongs to a run -----------------===//

#include "lib/Runtime/Checkpoint/Compare.h"

#include "lib/Runtime/Error.h"

#include <map>

using namespace bitpipe;

namespace {

/// Collects "WHAT is NOW (was SAVED)".
class Changes {
public:
  template <typename Value>
  void add(const char *what, const Value &saved, const Value &now) {
    if (saved != now)
      text += joined(text.empty() ? "" : ", ", what, " ", now, " (was ", saved, ")");
  }
  const std::string &get() const { return text; }

private:
  std::string text;
};

std::string describe(const SavedParameter &parameter) {
  return joined(listText(parameter.shape),
                parameter.trained ? ", trained" : ", not trained");
}

} // namespace

static void checkParameters(const std::vector<SavedParameter> &saved,
                            const std::vector<SavedParameter> &now,
                            const std::string &path) {
  std::map<std::string, const SavedParameter *> byName;
  for (const SavedParameter &parameter : saved)
    byName[parameter.name] = &parameter;
  std::string advice = "; --load takes the parameters of another model alone";
  for (const SavedParameter &parameter : now) {
    auto found = byName.find(parameter.name);
    if (found == byName.end())
      fail(path, ": error: is of another model: lacks parameter '",
           parameter.name, "' ", listText(parameter.shape), advice);
    if (describe(*found->second) != describe(parameter))
      fail(path, ": error: is of another model: parameter '", parameter.name,
           "' is ", describe(*found->second), ", expected ",
           describe(parameter), advice);
    byName.erase(found);
  }
  if (!byName.empty())
    fail(path, ": error: is of another model: holds parameter '",
         byName.begin()->first, "', which the plan has not", advice);
}

void bitpipe::checkBelongs(const Manifest &saved, const Setting &now,
                           const std::vector<SavedParameter> &parameters,
                           bool newData, const std::string &path) {
  const Setting &before = saved.setting;
  if (before.optimizer != now.optimizer)
    fail(path, ": error: has the state of optimizer ", before.optimizer,
         ", the plan's is ", now.optimizer, "; --load takes the parameters alone");
  if (before.updatesPerStep != now.updatesPerStep)
    fail(path, ": error: is of a training with ", before.updatesPerStep,
         " updates in a step, the plan has ", now.updatesPerStep,
         "; --load takes the parameters alone");
  checkParameters(saved.parameters, parameters, path);
  if (saved.position.step > now.steps)
    fail(path, ": error: is after step ", saved.position.step,
         ", expected at most --steps=", now.steps);
  if (!newData && !before.data.sameContents(now.data))
    fail(path, ": error: was trained on ", before.data.path, " of ",
         before.data.bytes, " bytes, hash ", before.data.hash, ", --data is ",
         now.data.path, " of ", now.data.bytes, " bytes, hash ", now.data.hash,
         "; --new-data goes on with other data");
}

static std::string changedOptions(const Setting &saved, const Setting &now) {
  Changes changes;
  changes.add("--steps", saved.steps, now.steps);
  changes.add("--lr", saved.rates.lr, now.rates.lr);
  changes.add("--lr-schedule", std::string(nameOf(saved.schedule.kind)),
              std::string(nameOf(now.schedule.kind)));
  changes.add("--lr-min", saved.schedule.lowest, now.schedule.lowest);
  changes.add("--lr-decay-steps", saved.schedule.decaySteps, now.schedule.decaySteps);
  changes.add("--warmup", saved.schedule.warmup, now.schedule.warmup);
  changes.add("--weight-decay", saved.rates.weightDecay, now.rates.weightDecay);
  changes.add("--weight-decay-for", std::string(nameOf(saved.rates.decayed)),
              std::string(nameOf(now.rates.decayed)));
  changes.add("--beta1", saved.rates.beta1, now.rates.beta1);
  changes.add("--beta2", saved.rates.beta2, now.rates.beta2);
  changes.add("--eps", saved.rates.eps, now.rates.eps);
  changes.add("--clip", saved.clip, now.clip);
  auto order = [](bool shuffle) { return std::string(shuffle ? "given" : "not given"); };
  changes.add("--shuffle", order(saved.shuffle), order(now.shuffle));
  changes.add("--seed", saved.seed, now.seed);
  return changes.get();
}

static std::string changedPlan(const Setting &saved, const Setting &now) {
  Changes changes;
  changes.add("precision", saved.precision, now.precision);
  changes.add("devices", saved.devices, now.devices);
  changes.add("micro-batches", saved.microbatches, now.microbatches);
  changes.add("samples per step", saved.samplesPerStep, now.samplesPerStep);
  if (changes.get().empty() && saved.planHash != now.planHash)
    return "its list of work is another";
  return changes.get();
}

std::vector<std::string> bitpipe::changes(const Setting &saved,
                                          const Setting &now) {
  std::vector<std::string> lines;
  if (std::string options = changedOptions(saved, now); !options.empty())
    lines.push_back("options have changed, the new ones count: " + options);
  if (std::string plan = changedPlan(saved, now); !plan.empty())
    lines.push_back((now.updatesPerStep > 1
                         ? "the plan has changed, and with it which weights are read, so that "
                           "training goes on to other numbers: "
                         : "the plan has changed, which rounds otherwise: ") +
                    plan);
  if (saved.threads != now.threads)
    lines.push_back(joined("devices have other threads, which rounds matrix products "
                           "otherwise: ", now.threads, " each (was ", saved.threads, ")"));
  if (saved.weightsHash != now.weightsHash)
    lines.push_back("the plan's weights file has changed: parameters are the "
                    "checkpoint's, constants the plan's");
  if (!saved.data.sameContents(now.data))
    lines.push_back("the data have changed: begins with sample 0 of " +
                    now.data.path);
  else if (saved.data.modified != now.data.modified)
    lines.push_back("the data have another time of change than before, but the "
                    "same size and the same hash of " +
                    std::string(now.data.bytes > (4 << 20) ? "blocks all over them"
                                                           : "their bytes"));
  return lines;
}
