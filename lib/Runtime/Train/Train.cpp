//===- Train.cpp - A training run -----------------------------------------===//

#include "lib/Runtime/Train/Train.h"

#include "lib/Runtime/Plan/Check.h"
#include "lib/Runtime/Train/Checkpoint.h"
#include "lib/Runtime/Data/Feeder.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Execute/Executor.h"
#include "lib/Runtime/Plan/Load.h"
#include "lib/Runtime/Execute/Memory.h"
#include "lib/Runtime/Train/Report.h"
#include "lib/Runtime/Train/RunFiles.h"
#include "lib/Runtime/Train/Trace.h"
#include "lib/Runtime/Train/Training.h"

#include <algorithm>
#include <cmath>
#include <limits>
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

/// Threads count steps, and what they do in each, in 32 bits.
static void checkSteps(const TrainOptions &options, const Program &program,
                       const Links &links) {
  size_t perStep = std::max<size_t>(2, program.devices.size());
  for (const DeviceLinks &device : links.devices)
    perStep = std::max(perStep, device.reductions.size());
  int64_t most = std::numeric_limits<uint32_t>::max() / perStep - 2;
  if (options.steps > most)
    failUsage("--steps is ", options.steps, ", expected at most ", most,
              " for a plan of ", program.devices.size(), " devices");
}

/// Whether it was saved; if not, says why.
static bool save(const TrainOptions &options, const Program &program,
                 Executor &executor) {
  if (options.save.empty())
    return true;
  try {
    saveParameters(program, executor, options.save);
    return true;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return false;
  }
}

static void trace(const TrainOptions &options, const Program &program,
                  const Executor &executor) {
  if (options.trace.empty())
    return;
  try {
    writeTrace(options.trace, program, executor);
  } catch (const std::exception &error) {
    warn("no trace: ", error.what());
  }
}

static void printRemark(const Training &training) {
  std::string remark = training.remark();
  bool plain = training.outcome() == Outcome::Done ||
               training.outcome() == Outcome::Interrupted;
  if (!remark.empty())
    std::fprintf(plain ? stdout : stderr, "%s\n", remark.c_str());
}

static Outcome trainProgram(const TrainOptions &options, const Program &program,
                            const std::atomic<bool> &interrupted) {
  Links links = deriveLinks(program);
  checkProgress(program, links);
  checkSteps(options, program, links);
  checkFiles(program);
  auto data = openDataset(options.data, program, options.tokenBytes);
  checkRunFiles(options, program);
  auto seed = options.shuffle ? std::optional(options.seed) : std::nullopt;
  Feeder feeder(*data, program, seed);

  KernelLibrary kernels(program.kernelsPath);
  checkKernels(program, kernels);
  Executor executor(program, links, kernels);
  loadWeights(program, executor);
  if (!options.load.empty())
    loadParameters(program, executor, options.load);
  Training training(options, executor, feeder);
  executor.start({options.trace.empty()
                      ? 0
                      : std::min(options.traceSteps, options.steps),
                  options.poison});
  training.run(interrupted);

  bool saved = save(options, program, executor);
  printRemark(training);
  trace(options, program, executor);
  printReport(program, links, executor, training.stepSeconds(),
              feeder.tokensPerStep());
  return saved ? training.outcome() : Outcome::Failed;
}

static int64_t bytesOfArenas(const Program &program) {
  double bytes = 0; // of a plan that may ask for more than there is
  for (const DeviceProgram &device : program.devices)
    bytes += double(device.arena);
  return int64_t(std::min(bytes, 0x1p62));
}

[[noreturn]] static void failMemory(const Program &program) {
  fail(program.path, ": error: not enough memory: the arenas of its ",
       program.devices.size(), " devices take ", bytesOfArenas(program) >> 20,
       " MiB, and the process some besides (see ulimit -v)");
}

Outcome bitpipe::train(const TrainOptions &options,
                       const std::atomic<bool> &interrupted) {
  checkAddressSpace(0, 0);
  Program program = loadProgram(options.plan);
  checkProgram(program);
  checkAddressSpace(bytesOfArenas(program), 2 * program.devices.size());
  try {
    return trainProgram(options, program, interrupted);
  } catch (const std::bad_alloc &) {
    failMemory(program);
  }
}
