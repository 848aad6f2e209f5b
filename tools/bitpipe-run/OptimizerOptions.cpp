//===- OptimizerOptions.cpp - How parameters are updated --------------------===//

#include "tools/bitpipe-run/OptimizerOptions.h"

#include "tools/bitpipe-run/ValueOption.h"

using namespace bitpipe;

namespace {

constexpr double floatMax = std::numeric_limits<float>::max();
constexpr const char *numberText = "a number, 0 or from 1.2e-38 to 3.4e38";

ValueOption lr("lr", "number", "0.001", "learning rate after the warm-up");
ValueOption weightDecay("weight-decay", "number", "0.01",
                        "share of the learning rate by which parameters decay");
ValueOption weightDecayFor("weight-decay-for", "all|matrices", "all",
                           "which parameters decay: all, or those of two or more dimensions, "
                           "without biases and weights of norms");
ValueOption beta1("beta1", "number", "0.9", "AdamW's decay of the first moment");
ValueOption beta2("beta2", "number", "0.999", "AdamW's decay of the second moment");
ValueOption eps("eps", "number", "1e-8", "AdamW's term in the denominator");
ValueOption clip("clip", "number", "0",
                 "largest global gradient norm, larger ones are scaled down to "
                 "it; 0: any");
ValueOption schedule("lr-schedule", "constant|cosine|linear|wsd", "constant",
                     "learning rate after the warm-up: stays, falls with half a cosine, or "
                     "evenly, or stays and falls evenly over the last steps (wsd)");
ValueOption lowest("lr-min", "number", "0",
                   "what cosine, linear and wsd fall to, at the end of the last step");
ValueOption decaySteps("lr-decay-steps", "count|SHARE%", "20%",
                       "of wsd: how many of the last steps the learning rate falls over, or "
                       "which share of --steps, as 20%");
ValueOption warmup("warmup", "steps", "0",
                   "steps over which the learning rate rises, the first has "
                   "lr/steps");

bool notNegative(double value) { return value >= 0; }

Decayed readDecayed() {
  const char *expected = "all or matrices";
  const std::string &name = weightDecayFor.text(expected);
  for (Decayed decayed : {Decayed::All, Decayed::Matrices})
    if (name == nameOf(decayed))
      return decayed;
  weightDecayFor.refuse(expected);
}

OptimizerSettings readSettings() {
  auto belowOne = [](double value) { return value >= 0 && value < 1; };
  auto positive = [](double value) { return value > 0; };
  OptimizerSettings settings;
  settings.beta1 = beta1.real("a number, at least 0 and below 1", belowOne);
  settings.beta2 = beta2.real("a number, at least 0 and below 1", belowOne);
  settings.eps = eps.real("a number from 1.2e-38 to 3.4e38", positive);
  settings.weightDecay = weightDecay.real(numberText, notNegative);
  settings.lr = lr.real(numberText, notNegative);
  settings.decayed = readDecayed();
  // What the first step multiplies by must be finite, too.
  if (settings.lr / (1 - settings.beta1) > floatMax ||
      settings.lr * settings.weightDecay > floatMax)
    lr.refuse("lr / (1 - beta1) and lr * weight-decay of at most 3.4e38");
  return settings;
}

/// A number of steps, or a share of all, at least one.
int64_t readDecaySteps(int64_t steps) {
  const char *expected = "a whole number from 1 on, or a share of --steps, as 20%";
  llvm::StringRef text = decaySteps.text(expected);
  if (!text.ends_with("%")) {
    int64_t count = 0;
    if (text.getAsInteger(10, count) || count < 1)
      decaySteps.refuse(expected);
    return count;
  }
  double share = 0;
  auto [stop, error] = std::from_chars(text.begin(), text.end() - 1, share);
  if (error != std::errc() || stop != text.end() - 1 || !(share > 0 && share <= 100))
    decaySteps.refuse(expected);
  return std::max<int64_t>(1, std::llround(share / 100 * double(steps)));
}

void refuseWith(const ValueOption &option, const char *why) {
  if (option.given())
    option.refuse(joined("none with --lr-schedule=", why));
}

RateSchedule readSchedule(const TrainOptions &options) {
  auto kind = scheduleNamed(schedule.text(scheduleNames));
  if (!kind)
    schedule.refuse(scheduleNames);
  RateSchedule read{*kind, warmup.count(0), lowest.real(numberText, notNegative)};
  if (*kind == Schedule::Constant)
    refuseWith(lowest, "constant, which stays at --lr");
  if (read.lowest > options.optimizer.lr)
    lowest.refuse(joined("at most --lr, ", options.optimizer.lr));
  if (*kind != Schedule::WSD) {
    refuseWith(decaySteps, joined(nameOf(*kind), ", which has no such steps").c_str());
    return read;
  }
  read.decaySteps = readDecaySteps(options.steps);
  int64_t most = options.steps - read.warmup;
  if (read.decaySteps > most)
    decaySteps.refuse(joined("at most ", std::max<int64_t>(most, 0), " steps, which --steps=",
                             options.steps, " has after --warmup=", read.warmup, " (20% is the default)"));
  return read;
}

} // namespace

void bitpipe::readOptimizer(TrainOptions &options) {
  options.optimizer = readSettings();
  options.clip = clip.real("a number, 0 (any norm) or from 1.2e-38 to 3.4e38", notNegative);
  options.schedule = readSchedule(options);
}
