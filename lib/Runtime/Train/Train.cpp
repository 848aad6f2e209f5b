//===- Train.cpp - A training run -----------------------------------------===//

#include "lib/Runtime/Train/Train.h"

#include "lib/Runtime/Plan/Check.h"
#include "lib/Runtime/Data/Feeder.h"
#include "lib/Runtime/Execute/Executor.h"
#include "lib/Runtime/Launch/Agree.h"
#include "lib/Runtime/Plan/Load.h"
#include "lib/Runtime/Execute/Memory.h"
#include "lib/Runtime/Train/Parameters.h"
#include "lib/Runtime/Train/Report.h"
#include "lib/Runtime/Train/RunFiles.h"
#include "lib/Runtime/Train/Trace.h"
#include "lib/Runtime/Train/Training.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>

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

static int64_t bytesOfArenas(const Program &program, Share share) {
  double bytes = 0; // of a plan that may ask for more than there is
  for (int64_t d = share.first; d < share.end; ++d)
    bytes += double(program.devices[d].arena);
  return int64_t(std::min(bytes, 0x1p62));
}

[[noreturn]] static void failMemory(const Program &program, Share share) {
  fail(program.path, ": error: not enough memory: the arenas of its ",
       share.count(), " devices take ", bytesOfArenas(program, share) >> 20,
       " MiB, and the process some besides (see ulimit -v)");
}

/// A rank without a device would have nothing to do.
static void checkWorld(const Program &program, const World &world) {
  if (world.size() > int64_t(program.devices.size()))
    fail(program.path, ": error: the plan is for ", program.devices.size(),
         " devices, expected at most as many processes, got ", world.size());
}

/// Whether it was saved; if not, says why.
static bool save(const TrainOptions &options, const World &world,
                 Parameters &parameters) {
  if (options.save.empty())
    return true;
  try {
    parameters.save(options.save);
    return true;
  } catch (const std::exception &error) {
    if (world.speaks())
      std::fprintf(stderr, "%s\n", error.what());
    return false;
  }
}

static void trace(const TrainOptions &options, const Program &program,
                  World &world, const Executor &executor) {
  if (options.trace.empty())
    return;
  std::vector<DeviceTrace> traces = gatherTraces(world, executor);
  if (!world.speaks())
    return;
  try {
    writeTrace(options.trace, program, traces);
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

namespace {

/// What a rank prepares by itself before the first step, in the order in which it
/// is needed.
struct Prepared {
  Prepared(const TrainOptions &options, const Program &program, World &world);

  Links links;
  std::unique_ptr<Dataset> data;
  std::optional<Feeder> feeder;
  std::optional<KernelLibrary> kernels;
  std::optional<Executor> executor;
  std::optional<Parameters> parameters;
};

} // namespace

Prepared::Prepared(const TrainOptions &options, const Program &program,
                   World &world)
    : links(deriveLinks(program)) {
  checkProgress(program, links);
  checkSteps(options, program, links);
  checkFiles(program);
  data = openDataset(options.data, program, options.tokenBytes);
  if (world.speaks())
    checkRunFiles(options, program);
  feeder.emplace(*data, program, world,
                 options.shuffle ? std::optional(options.seed) : std::nullopt);
  kernels.emplace(program.kernelsPath);
  checkKernels(program, *kernels);
  Instruments instruments{
      options.trace.empty() ? 0 : std::min(options.traceSteps, options.steps),
      options.poison};
  executor.emplace(program, links, world, *kernels, instruments);
  parameters.emplace(program, executor->devices(), world);
  parameters->loadWeights();
  if (!options.load.empty())
    parameters->load(options.load);
}

static Outcome trainProgram(const TrainOptions &options, const Program &program,
                            World &world, const std::atomic<bool> &interrupted) {
  std::optional<Prepared> run;
  Share share = shareOf(world, program.devices.size());
  agree(world, [&] {
    checkAddressSpace(bytesOfArenas(program, share), 2 * share.count());
    try {
      run.emplace(options, program, world);
    } catch (const std::bad_alloc &) {
      failMemory(program, share);
    }
  });
  std::optional<Training> training;
  agree(world, [&] {
    training.emplace(options, world, *run->executor, *run->feeder);
    run->executor->start({});
  });
  training->run(interrupted);

  bool saved = save(options, world, *run->parameters);
  if (world.speaks())
    printRemark(*training);
  trace(options, program, world, *run->executor);
  std::vector<ProcessReport> reports = gatherReports(world, *run->executor);
  if (world.speaks())
    printReport(program, run->links, reports, training->stepSeconds(),
                run->feeder->tokensPerStep());
  return saved ? training->outcome() : Outcome::Failed;
}

Outcome bitpipe::train(const TrainOptions &options, World &world,
                       const std::atomic<bool> &interrupted) {
  Program program;
  agree(world, [&] {
    checkAddressSpace(0, 0);
    program = loadProgram(options.plan);
    checkProgram(program);
    checkWorld(program, world);
  });
  return trainProgram(options, program, world, interrupted);
}
