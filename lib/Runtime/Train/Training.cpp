//===- Training.cpp - The loop over steps ----------------------------------===//

#include "lib/Runtime/Train/Training.h"

#include "lib/Runtime/Launch/Agree.h"

#include <algorithm>

using namespace bitpipe;

Training::Training(const TrainOptions &options, World &world,
                   Executor &executor, Feeder &feeder)
    : options(options), world(world), executor(executor), feeder(feeder),
      progress(options.steps),
      metrics(world.speaks() ? options.metrics : "") {
  seconds.reserve(std::min<int64_t>(options.steps, 1 << 20));
}

void Training::run(const std::atomic<bool> &interrupted) {
  last = now();
  for (int64_t step = 0; step < options.steps && !diverged() && !metBadIndex;
       ++step) {
    while (submitted < std::min(step + 2, options.steps) && !ends)
      submit(submitted, interrupted);
    if (step == submitted)
      break;
    collect(step);
  }
  world.mainThread().beginWait();
  executor.stop();
  world.mainThread().endWait();
  shareFailure();
  if (world.speaks())
    progress.finish();
}

void Training::submit(int64_t step, bool interrupted) {
  StepInputs &inputs = executor.nextInputs();
  News mine{0, interrupted, false};
  try {
    mine.labels = feeder.fill(step, inputs);
  } catch (const std::exception &error) {
    failure = error.what(); // the steps before it are good
    mine.ends = mine.failed = true;
  }
  int64_t labels = 0;
  world.allGatherValues(mine, news);
  for (const News &rank : news) {
    labels += rank.labels;
    ends |= rank.ends;
    failed |= rank.failed;
  }
  if (ends)
    return;
  divisors[step % 2] = feeder.setDivisor(labels, inputs);
  inputs.number = step;
  inputs.optimizer = options.optimizer;
  inputs.optimizer.lr = learningRate(options, step);
  inputs.clip = options.clip;
  inputs.dropoutSeed = options.seed;
  inputs.maxBadSteps = options.maxBadSteps;
  executor.submit();
  ++submitted;
}

/// Lets all ranks know what was wrong with the data of one.
void Training::shareFailure() {
  failed |= metBadIndex;
  if (!failed)
    return;
  const KernelLibrary &kernels = executor.calls().kernels();
  if (kernels.metBadIndex()) // and no kernel writes any more what it found
    failure = joined(options.data, ": error: step ", seconds.size(), ": ",
                     kernels.describeBadIndex());
  failure = gatherErrors(world, failure);
}

void Training::collect(int64_t step) {
  world.mainThread().beginWait();
  StepResult result = executor.finish();
  world.mainThread().endWait();
  const Judgement &judged = result.judgement;
  seconds.push_back((result.finished - last) * 1e-9);
  last = result.finished;
  skipped += judged.skips;
  skippedInARow = judged.skips ? skippedInARow + 1 : 0;
  metBadIndex = judged.badIndex;
  if (!world.speaks())
    return;
  // Where nothing counts there is no loss to divide.
  double divisor = divisors[step % 2] * judged.count;
  if (divisor == 0)
    divisor = 1;
  StepMetrics line{step + 1,
                   judged.lossSum / divisor,
                   judged.gradNorm,
                   learningRate(options, step),
                   feeder.tokensPerStep() / seconds.back(),
                   seconds.back(),
                   judged.skips};
  metrics.write(line);
  progress.show(line);
}

Outcome Training::outcome() const {
  if (failed)
    return Outcome::Failed;
  if (diverged())
    return Outcome::Diverged;
  if (int64_t(seconds.size()) < options.steps)
    return Outcome::Interrupted;
  // A run does not end well with steps that changed nothing.
  return skippedInARow ? Outcome::Diverged : Outcome::Done;
}

std::string Training::remark() const {
  auto done = int64_t(seconds.size());
  if (outcome() == Outcome::Failed)
    return failure;
  if (outcome() == Outcome::Interrupted)
    return joined("interrupted after step ", done, " of ", options.steps);
  if (!skipped)
    return "";
  std::string why = ": loss or gradient norm was not finite, or too large for "
                    "f32";
  if (outcome() == Outcome::Done)
    return joined(skipped, " of ", done, " steps changed nothing", why);
  return joined("error: ended at step ", done, " of ", options.steps, ", since ",
                skippedInARow, " steps in a row changed nothing", why,
                "; the parameters are those after step ", done - skippedInARow,
                " (--max-bad-steps=", options.maxBadSteps, ")");
}
