//===- Train.cpp - A training run -----------------------------------------===//

#include "lib/Runtime/Train.h"

#include "lib/Files/OutputFile.h"
#include "lib/Files/WrittenBy.h"
#include "lib/Runtime/Checkpoint.h"
#include "lib/Runtime/Data/Feeder.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Executor.h"
#include "lib/Runtime/Load.h"
#include "lib/Runtime/Progress.h"
#include "lib/Runtime/Report.h"
#include "lib/Runtime/Trace.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numbers>

using namespace bitpipe;

double bitpipe::learningRate(const TrainOptions &options, int64_t step) {
  double lr = options.optimizer.lr;
  if (step < options.warmup)
    return lr * double(step + 1) / double(options.warmup);
  if (options.schedule == Schedule::Constant)
    return lr;
  double done = double(step - options.warmup) /
                double(std::max<int64_t>(options.steps - options.warmup, 1));
  if (options.schedule == Schedule::Linear)
    return lr * (1 - done);
  return lr * (1 + std::cos(std::numbers::pi * done)) / 2;
}

namespace {

/// The loop over steps, with one step ahead of the one that is waited for.
class Training {
public:
  Training(const TrainOptions &options, Executor &executor, Feeder &feeder)
      : options(options), executor(executor), feeder(feeder),
        progress(options.steps, feeder.tokensPerStep(), options.metrics) {}

  /// Returns the seconds of every step.
  std::vector<double> run(const std::atomic<bool> &interrupted) {
    std::vector<double> seconds;
    seconds.reserve(std::min<int64_t>(options.steps, 1 << 20));
    last = now();
    int64_t submitted = 0;
    for (int64_t step = 0; step < options.steps; ++step) {
      while (submitted < std::min(step + 2, options.steps) && !interrupted)
        submit(submitted++);
      if (step == submitted)
        break;
      seconds.push_back(collect(step));
    }
    executor.stop();
    progress.finish();
    if (int64_t(seconds.size()) < options.steps)
      std::printf("interrupted after step %zu of %ld\n", seconds.size(),
                  long(options.steps));
    return seconds;
  }

private:
  void submit(int64_t step) {
    StepInputs &inputs = executor.nextInputs();
    divisors[step % 2] = feeder.fill(step, inputs);
    inputs.optimizer = options.optimizer;
    inputs.optimizer.lr = learningRate(options, step);
    inputs.clip = options.clip;
    executor.submit();
  }

  double collect(int64_t step) {
    StepResult result = executor.finish();
    double seconds = (result.finished - last) * 1e-9;
    last = result.finished;
    int64_t divisor = divisors[step % 2];
    progress.show({step + 1, divisor ? result.lossSum / double(divisor) : 0,
                   result.gradNorm, learningRate(options, step), seconds});
    return seconds;
  }

  const TrainOptions &options;
  Executor &executor;
  Feeder &feeder;
  Progress progress;
  int64_t divisors[2] = {};
  Nanoseconds last = 0;
};

} // namespace

/// Finds out before the training, not after it, whether a file can be written,
/// and refuses to write over what the run reads.
static void checkWritable(const std::string &path, FileKind kind, const TrainOptions &options,
                          const Program &program) {
  if (path.empty())
    return;
  std::error_code none;
  for (const std::string &input : {options.plan, options.data, program.weightsPath,
                                   program.kernelsPath})
    if (std::filesystem::equivalent(path, input, none))
      fail(path, ": error: this run reads the file, expected another to write to");
  if (!options.force)
    refuseToReplace(path, kind);
  OutputFile probe(path);
}

void bitpipe::train(const TrainOptions &options,
                    const std::atomic<bool> &interrupted) {
  Program program = loadProgram(options.plan);
  checkProgram(program);
  Links links = deriveLinks(program);
  checkProgress(program, links);
  checkFiles(program);
  auto data = openDataset(options.data, program);
  int64_t batch = program.microbatches * program.samples();
  int64_t used = std::min(options.steps, data->samples()) * batch;
  checkValues(*data, program, options.data,
              options.shuffle ? data->samples() : used);
  checkWritable(options.save, FileKind::Weights, options, program);
  checkWritable(options.trace, FileKind::Trace, options, program);
  checkWritable(options.metrics, FileKind::Metrics, options, program);
  auto seed = options.shuffle ? std::optional(options.seed) : std::nullopt;
  Feeder feeder(*data, program, seed);

  KernelLibrary kernels(program.kernelsPath);
  Executor executor(program, links, kernels);
  loadWeights(program, executor);
  if (!options.load.empty())
    loadParameters(program, executor, options.load);
  executor.start(options.trace.empty() ? 0 : options.traceSteps);
  auto seconds = Training(options, executor, feeder).run(interrupted);
  if (!options.trace.empty())
    writeTrace(options.trace, program, executor);
  if (!options.save.empty())
    saveParameters(program, executor, options.save);
  printReport(program, links, executor, std::move(seconds),
              feeder.tokensPerStep());
}
