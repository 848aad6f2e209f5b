//===- Training.cpp - The loop over steps ----------------------------------===//

#include "lib/Runtime/Train/Training.h"

#include "lib/Runtime/Error.h"

#include <algorithm>

using namespace bitpipe;

Training::Training(const TrainOptions &options, Executor &executor,
                   Feeder &feeder)
    : options(options), executor(executor), feeder(feeder),
      progress(options.steps), metrics(options.metrics) {
  seconds.reserve(std::min<int64_t>(options.steps, 1 << 20));
}

void Training::run(const std::atomic<bool> &interrupted) {
  last = now();
  for (int64_t step = 0; step < options.steps && !diverged() && !metBadIndex;
       ++step) {
    while (submitted < std::min(step + 2, options.steps) && !interrupted &&
           dataFailure.empty())
      submit(submitted);
    if (step == submitted)
      break;
    collect(step);
  }
  executor.stop();
  if (metBadIndex) // and no kernel writes any more what it found
    dataFailure = joined(options.data, ": error: step ", seconds.size(), ": ",
                         executor.calls().kernels().describeBadIndex());
  progress.finish();
}

void Training::submit(int64_t step) {
  StepInputs &inputs = executor.nextInputs();
  try {
    divisors[step % 2] = feeder.fill(step, inputs);
  } catch (const std::exception &error) {
    dataFailure = error.what(); // the steps before it are good
    return;
  }
  inputs.optimizer = options.optimizer;
  inputs.optimizer.lr = learningRate(options, step);
  inputs.clip = options.clip;
  inputs.dropoutSeed = options.seed;
  inputs.maxBadSteps = options.maxBadSteps;
  executor.submit();
  ++submitted;
}

void Training::collect(int64_t step) {
  StepResult result = executor.finish();
  seconds.push_back((result.finished - last) * 1e-9);
  last = result.finished;
  skipped += result.skipped;
  skippedInARow = result.skipped ? skippedInARow + 1 : 0;
  metBadIndex = result.metBadIndex;
  // Where nothing counts there is no loss to divide.
  double divisor = divisors[step % 2] * result.count;
  if (divisor == 0)
    divisor = 1;
  StepMetrics line{step + 1,
                   result.lossSum / divisor,
                   result.gradNorm,
                   learningRate(options, step),
                   feeder.tokensPerStep() / seconds.back(),
                   seconds.back(),
                   result.skipped};
  metrics.write(line);
  progress.show(line);
}

Outcome Training::outcome() const {
  if (!dataFailure.empty())
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
    return dataFailure;
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
