//===- Train.cpp - A training run -----------------------------------------===//

#include "lib/Runtime/Train/Train.h"

#include "lib/Runtime/Data/DataFiles.h"
#include "lib/Runtime/Data/Feeder.h"
#include "lib/Runtime/Data/NoData.h"
#include "lib/Runtime/Emulated/EmulatedDevice.h"
#include "lib/Runtime/Execute/Executor.h"
#include "lib/Runtime/Execute/Memory.h"
#include "lib/Runtime/Launch/Agree.h"
#include "lib/Runtime/Launch/Alone.h"
#include "lib/Runtime/Launch/Identity.h"
#include "lib/Runtime/Launch/Peers.h"
#include "lib/Runtime/Plan/Check.h"
#include "lib/Runtime/Plan/Load.h"
#include "lib/Runtime/Train/Account.h"
#include "lib/Runtime/Train/CheckpointFiles.h"
#include "lib/Runtime/Train/Evaluation.h"
#include "lib/Runtime/Train/Nodes.h"
#include "lib/Runtime/Train/Parameters.h"
#include "lib/Runtime/Train/ProcessLimits.h"
#include "lib/Runtime/Train/RunFiles.h"
#include "lib/Runtime/Train/SameRun.h"
#include "lib/Runtime/Train/TellDecay.h"
#include "lib/Runtime/Train/TellLibraries.h"
#include "lib/Runtime/Train/Training.h"
#include "lib/Runtime/Train/WorkingWeights.h"
#include "lib/Runtime/Watch/Watch.h"

#include <optional>

using namespace bitpipe;

/// A rank without a device would have nothing to do.
static void checkWorld(const Program &program, const World &world) {
  if (world.size() > int64_t(program.devices.size()))
    fail(program.path, ": error: the plan is for ", program.devices.size(),
         " devices, expected at most as many processes, got ", world.size());
}

/// What needs all gradients of a step before its one update.
static void checkUpdates(const TrainOptions &options, const Program &program) {
  if (program.updateEvery && options.clip > 0)
    fail(program.path, ": error: the plan updates after every ", program.updateEvery,
         " micro-batches, when no device knows the norm of all gradients: expected no --clip, got ",
         options.clip);
  if (program.updateEvery && !options.evaluation.data.empty())
    fail(program.path, ": error: the plan updates after every ", program.updateEvery,
         " micro-batches, and so would an evaluation, which is a step that changes nothing: "
         "expected no --eval-data, got ", options.evaluation.data);
}

static void checkTarget(const TrainOptions &options, const Program &program) {
  if (!options.target.empty() && options.target != program.target)
    fail(program.path, ": error: the plan is for target '", program.target,
         "', expected --device=", program.target, " or none, got ", options.target);
  bool onGPUs = program.isForGPUs() && options.device == DeviceKind::Computing;
  const CUDAOptions &cuda = options.cuda;
  if (!onGPUs && (!cuda.graph || cuda.sharesGPUs || cuda.timesCalls ||
                  cuda.libraries != LibraryChoices()))
    fail(program.path, ": error: the run is on no GPU, expected none of --no-graph, "
         "--share-gpus, --attention, --epilogues and --time-calls");
  if (onGPUs && options.threads)
    fail(program.path, ": error: the run is on GPUs, expected no --threads, got ",
         *options.threads);
}

/// Whether it was saved; if not, says why.
static bool save(const TrainOptions &options, const World &world,
                 std::optional<Parameters> &parameters) {
  if (options.save.empty())
    return true;
  try {
    parameters->save(options.save);
    return true;
  } catch (const std::exception &error) {
    if (world.speaks())
      std::fprintf(stderr, "%s\n", error.what());
    return false;
  }
}

static void printRemark(const Training &training) {
  std::string remark = training.remark();
  bool plain = training.outcome() == Outcome::Done ||
               training.outcome() == Outcome::Interrupted;
  if (!remark.empty())
    std::fprintf(plain ? stdout : stderr, "%s\n", remark.c_str());
}

/// Whether the last state is in a checkpoint; if not, says why.
static bool checkpoint(const Training &training, const World &world,
                       Checkpoints *checkpoints) {
  // The last good one is of more use than one from which all goes wrong.
  if (!checkpoints || !training.canGoOn())
    return true;
  try {
    checkpoints->finish(training.position());
    return true;
  } catch (const std::exception &error) {
    if (world.speaks())
      std::fprintf(stderr, "%s\n", error.what());
    return false;
  }
}

namespace {

/// What a rank prepares by itself before the first step, in the order in which it
/// is needed.
struct Prepared {
  /// `hostRank` is how many ranks before this one are on its host. `checkpoints` may be
  /// null.
  Prepared(const TrainOptions &options, const Program &program, World &world,
           const TeamPlan &teams, int64_t hostRank, const Checkpoints *checkpoints);
  void prepareEmulated(const Program &program, World &world,
                       const std::string &source, Instruments &instruments);
  void prepareComputing(const TrainOptions &options, const Program &program,
                        World &world, const Checkpoints *checkpoints,
                        Instruments &instruments);

  Links links;
  std::optional<schedule::Costs> costs; // that the run is told
  std::unique_ptr<Dataset> data;
  std::optional<Feeder> feeder;
  std::optional<Evaluation> evaluation; // if there are data for it
  std::optional<LoadedKernels> kernels;
  std::optional<WorkTimes> times; // of devices that do not compute
  std::optional<Executor> executor;
  std::optional<Parameters> parameters; // of devices that compute
  std::set<std::string> replaced;       // constants, by --load
  std::string loaded; // what tells the parameters of --load from others; empty: none are
};

} // namespace

Prepared::Prepared(const TrainOptions &options, const Program &program,
                   World &world, const TeamPlan &teams, int64_t hostRank,
                   const Checkpoints *checkpoints)
    : links(deriveLinks(program)) {
  Position begin = checkpoints ? checkpoints->start() : Position();
  checkProgress(program, links);
  checkSteps(options, program, links);
  costs = givenCosts(options, program);
  if (costs && costs->overlapsPairs() && world.speaks())
    warn(options.costFile, ": 'pair' is left out, devices run the two of a pair one after the other");
  if (options.device == DeviceKind::Computing)
    checkFiles(program);
  if (options.data.empty())
    data = std::make_unique<NoData>(program);
  else
    data = openDataset(options.data, program, options.tokenBytes,
                       program.samples() * program.microbatches);
  feeder.emplace(*data, program, world,
                 FeedOrder{.seed = options.shuffle ? std::optional(options.seed) : std::nullopt,
                           .begin = begin.samples});
  if (!options.evaluation.data.empty())
    evaluation.emplace(options, program, world);
  int64_t traced = std::min(options.traceSteps, options.steps - begin.step);
  Instruments instruments{options.trace.empty() ? 0 : traced, options.poison,
                          !options.profile.empty() || options.predict, teams,
                          nullptr, nullptr, hostRank};
  if (options.device == DeviceKind::Emulated)
    prepareEmulated(program, world, options.costFile, instruments);
  else
    prepareComputing(options, program, world, checkpoints, instruments);
}

void Prepared::prepareEmulated(const Program &program, World &world,
                               const std::string &source,
                               Instruments &instruments) {
  times = workTimes(program, links, *costs);
  checkEmulated(*times, source);
  instruments.emulated = &*times;
  executor.emplace(program, links, world, nullptr, instruments);
}

void Prepared::prepareComputing(const TrainOptions &options,
                                const Program &program, World &world,
                                const Checkpoints *checkpoints,
                                Instruments &instruments) {
  int64_t threads = instruments.teams.threads;
  if (costs && costs->threads && costs->threads != threads && world.speaks())
    warn(options.costFile, ": was measured with --threads=", costs->threads,
         ", this run has ", threads);
  if (program.isForGPUs()) {
    checkGPUKernels(program);
    instruments.cuda = &options.cuda;
  } else {
    kernels.emplace(program.kernelsPath);
    checkKernels(program, *kernels);
  }
  executor.emplace(program, links, world, kernels ? &*kernels : nullptr, instruments);
  parameters.emplace(program, executor->devices(), world);
  parameters->loadWeights();
  bool resumes = checkpoints && checkpoints->resumes();
  if (options.load.empty() || resumes)
    return;
  CheckpointFiles files(options.load);
  replaced = parameters->load(files);
  loaded = files.print();
}

/// Emulated devices and GPUs take the time of one thread.
static TeamPlan teamsOf(const TrainOptions &options, const Program &program, World &world,
                        Share share) {
  if (options.device == DeviceKind::Emulated || program.isForGPUs())
    return {};
  TeamPlan plan = planTeams(world, share.count(), options.threads);
  if (options.threads && plan.crowded() && world.speaks())
    warn("--threads=", plan.threads, " makes ", plan.hostThreads,
         " threads, on a host with ", plan.hostCores, plan.hostCores == 1 ? " core" : " cores",
         " for them: they take turns");
  return plan;
}

/// Which files a folder or a pattern stands for.
static void tellData(const TrainOptions &options, const Dataset &data) {
  std::vector<std::string> files = dataFiles(options.data);
  if (files.size() > 1)
    std::printf("data: %lld samples in %zu files, from %s to %s\n",
                static_cast<long long>(data.samples()), files.size(), files.front().c_str(),
                files.back().c_str());
}

static void tellWidened(const Executor &executor) {
  if (executor.calls().matmuls().widens())
    std::printf("products of bf16 are computed in f32, which is slower: oneDNN has "
                "none of its own for all of them on this processor\n");
}

/// From the first step on.
static Outcome trainPrepared(const TrainOptions &options, const Program &program, Prepared &run,
                             Training &training, World &world, Checkpoints *checkpoints,
                             Watch &watch, const StopRequest &stop) {
  world.mainThread().begin(MainThread::Trains);
  training.run(stop);

  world.mainThread().begin(MainThread::Saves);
  bool saved = checkpoint(training, world, checkpoints);
  // Within a step they have been updated by what made it a bad one.
  if (!program.updateEvery || training.canGoOn())
    saved &= save(options, world, run.parameters);
  if (world.speaks())
    printRemark(training);
  world.mainThread().begin(MainThread::Reports);
  giveAccount({options, program, run.links, *run.executor, training,
               run.feeder->tokensPerStep(), run.costs},
              world);
  if (checkpoints && world.speaks())
    checkpoints->tellCost();
  if (options.cuda.timesCalls && world.speaks())
    run.executor->timeCalls();
  watch.finish();
  return saved ? training.outcome() : Outcome::Failed;
}

static Outcome trainProgram(const TrainOptions &options, const Program &program,
                            World &world, Watch &watch,
                            const StopRequest &stop) {
  agree(world, [&] {
    if (world.speaks())
      checkRunFiles(options, program);
  });
  Share share = shareOf(world, program.devices.size());
  TeamPlan teams = teamsOf(options, program, world, share);
  std::optional<Checkpoints> kept;
  if (!options.checkpoint.folder.empty())
    kept.emplace(options, program, teams.threads, world);
  Checkpoints *checkpoints = kept ? &*kept : nullptr;
  int64_t hostRank = program.isForGPUs() ? ranksBeforeOnHost(world) : 0;
  std::optional<Prepared> run;
  agree(world, [&] {
    checkAddressSpace(bytesOfArenas(program, share),
                      2 * share.count() * teams.threads + hostsOf(program, share));
    try {
      run.emplace(options, program, world, teams, hostRank, checkpoints);
    } catch (const std::bad_alloc &) {
      failMemory(program, share);
    }
  });
  run->executor->connect(world);
  if (world.size() > 1 && !options.data.empty())
    checkSameData("data file", options.data, world);
  if (world.size() > 1 && run->evaluation)
    checkSameData("data file of evaluations", run->evaluation->path(), world);
  // What several ranks hold of one parameter has to be the same.
  if (world.size() > 1 && !run->loaded.empty())
    checkIdentity(world, {{"file of parameters (--load)", joined("one of hash ", run->loaded)}});
  if (checkpoints)
    checkpoints->begin({run->executor->devices(), *run->parameters, world},
                       run->replaced);
  if (run->parameters)
    fillWorkingWeights(program, run->executor->devices());
  if (world.speaks() && !options.data.empty())
    tellData(options, *run->data);
  if (world.speaks())
    tellWidened(*run->executor);
  tellLibraries(run->executor->libraryCounts(), world);
  tellNodes(program, run->links, world);
  tellDecay(program, options.optimizer, world);
  if (run->evaluation && world.speaks())
    run->evaluation->tell();
  std::optional<Training> training;
  agree(world, [&] {
    Position begin = checkpoints ? checkpoints->start() : Position();
    training.emplace(options, program, world, *run->executor, *run->feeder,
                     run->evaluation ? &*run->evaluation : nullptr, begin, checkpoints);
    run->executor->start({begin.updates() * program.updatesPerStep(), begin.skippedInARow});
  });
  Watch::Attachment attachment(watch, program, run->links, *run->executor);
  return endingAlone([&] {
    return trainPrepared(options, program, *run, *training, world, checkpoints, watch, stop);
  });
}

Outcome bitpipe::train(const TrainOptions &options, World &world, Watch &watch,
                       const std::atomic<bool> &interrupted) {
  StopRequest stop(interrupted, options.stopAfter);
  if (world.size() > 1)
    checkSameRun(options, world);
  Program program;
  agree(world, [&] {
    checkAddressSpace(0, 0);
    program = loadProgram(options.plan);
    checkProgram(program);
    checkTarget(options, program);
    checkUpdates(options, program);
    checkWorld(program, world);
  });
  return trainProgram(options, program, world, watch, stop);
}
