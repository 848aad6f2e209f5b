//===- CompilationChoices.cpp - What the options leave open ----------------===//
//
// The schedule of --pipeline=auto, the stages of --recompute=auto and the activations of
// --offload=auto are decided when the module has come so far that it tells what they cost.
//
//===----------------------------------------------------------------------===//

#include "tools/bitpipe-opt/Compilation.h"

#include "lib/Costs/CostFile.h"
#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Files/Error.h"
#include "lib/Transforms/Lower/Passes.h"
#include "lib/Transforms/Lower/PrintMemory.h"
#include "lib/Transforms/Schedule/Emit/EmitChoice.h"
#include "lib/Transforms/Planning/Costs.h"
#include "tools/bitpipe-opt/ChooseOffload.h"
#include "tools/bitpipe-opt/ChooseRecomputed.h"
#include "tools/bitpipe-opt/ChooseReplicas.h"
#include "tools/bitpipe-opt/ChooseSchedule.h"
#include "tools/bitpipe-opt/Views.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace bitpipe;

LogicalResult Compilation::chooseRecomputed() {
  if (options.recompute != "auto" || levelOf(*module) != Level::Stages)
    return success();
  auto chosen = bitpipe::chooseRecomputed(options, *module, [&](StringRef order) {
    PlanningOptions planning;
    planning.scheduleFile = order.str();
    planning.cost = options.cost;
    planning.costFile = options.costFile;
    planning.shard = options.shard;
    planning.devicesPerNode = 1; // no matter of memory
    return memoryOf(planning);
  });
  if (succeeded(chosen))
    options.recompute = *chosen;
  return chosen;
}

LogicalResult Compilation::chooseOffload() {
  if (!options.picksOffload || levelOf(*module) != Level::Stages)
    return success();
  auto chosen = bitpipe::chooseOffload(options, *module, [&](double most) {
    // What is only tried is not told.
    ScopedDiagnosticHandler quiet(context, [](Diagnostic &diagnostic) {
      return success(diagnostic.getSeverity() == DiagnosticSeverity::Remark);
    });
    PlanningOptions planning = planningOptions(options);
    planning.offload = most;
    return memoryOf(planning);
  });
  if (failed(chosen))
    return failure();
  options.offload = *chosen;
  options.picksOffload = false;
  return success();
}

FailureOr<std::vector<int64_t>> Compilation::memoryOf(const PlanningOptions &planning) {
  OwningOpRef<ModuleOp> copy = module->clone();
  auto lower = [&](PassManager &manager) {
    buildPlanningPipeline(manager, planning);
    buildLowerPipeline(manager, {options.optimizer, options.target, 0, ""});
  };
  if (failed(runPasses(lower, *copy)))
    return failure();
  std::vector<int64_t> bytes;
  for (auto program : copy->getOps<pipe::ProgramOp>())
    bytes.push_back(memoryUse(program).total());
  return bytes;
}

FailureOr<OwningOpRef<ModuleOp>> Compilation::stagesForCosts() {
  if (!module || hasCosts(options))
    return OwningOpRef<ModuleOp>();
  if (failed(raiseTo(Level::Loss)))
    return failure();
  OwningOpRef<ModuleOp> whole = module->clone();
  stages = schedule::commonStages(requestFor(options));
  LogicalResult raised = raiseTo(Level::Stages);
  std::swap(module, whole);
  if (failed(raised))
    return failure();
  return whole;
}

LogicalResult Compilation::useSize(int samples) {
  if (!samples || options.batchDim.empty() || samples == size)
    return success();
  whole[size] = std::move(module);
  module = std::move(whole[samples]);
  size = samples;
  return module ? success() : failed(load()) ? failure() : raiseTo(Level::Loss);
}

/// Lays out the plan of a request, of the module if that has its stages, else of a copy that is
/// cut once for each number of them.
schedule::ErrorOr<double> Compilation::needOf(const schedule::Request &request) {
  const schedule::Error isReported{"its plan cannot be laid out"};
  Options open = withRequest(options, request);
  std::swap(options, open);
  FailureOr<std::vector<int64_t>> bytes = failure();
  if (failed(useSize(request.samples)))
    return isReported;
  if (levelOf(*module) == Level::Stages)
    bytes = memoryOf(planningOptions(options));
  else if ((stages = stageCount(options, context))) {
    OwningOpRef<ModuleOp> &cut = cuts[{size, *stages}], whole = module->clone();
    if (cut || succeeded(raiseTo(Level::Stages))) {
      if (cut)
        std::swap(module, cut);
      bytes = memoryOf(planningOptions(options));
      cut = std::move(module);
    }
    module = std::move(whole);
  }
  std::swap(options, open);
  if (failed(bytes))
    return isReported;
  return double(*llvm::max_element(*bytes));
}

LogicalResult Compilation::choose() {
  FailureOr<OwningOpRef<ModuleOp>> forCosts = stagesForCosts();
  if (failed(forCosts))
    return failure();
  auto need = [&](const schedule::Request &request) { return needOf(request); };
  int samples = options.batch && module ? samplesOf(*module) : 0;
  if (samples && options.batchDim.empty())
    llvm::errs() << "micro-batches have " << samples << " samples, by the model or --dim: no other size is tried\n";
  auto chosen = chooseSchedule(options, *forCosts ? **forCosts : ModuleOp(), need, samples);
  if (!chosen)
    return fail(chosen.error().text);
  choice = std::move(*chosen);
  if (!options.batchDim.empty())
    choice->sizeOption = "--dim=" + options.batchDim + "=";
  options = withRequest(options, choice->fitting.front().request);
  if (failed(useSize(choice->fitting.front().request.samples)))
    return failure();
  stages = stageCount(options, context);
  if (!stages)
    return failure();
  llvm::errs() << schedule::toText(*choice) << "\n";
  if (cuts.count({size, *stages}) && levelFor(options.emit) >= Level::Stages)
    module = std::move(cuts[{size, *stages}]);
  cuts.clear();
  whole.clear();
  return useOwnCosts(choice->fitting.front().request);
}

LogicalResult Compilation::pickFamily() {
  bool isReady = !module || hasCosts(options) || levelOf(*module) == Level::Stages;
  bool isDone = module && levelOf(*module) >= Level::Plan;
  if (!options.picksFamily || !isReady || isDone)
    return success();
  // What none of them can be is told as of one.
  if (!stageCount(options, context))
    return failure();
  auto need = [&](const schedule::Request &request) { return needOf(request); };
  auto picked = chooseSchedule(options, module ? *module : ModuleOp(), need);
  if (!picked)
    return fail(picked.error().text);
  options = withRequest(options, picked->fitting.front().request);
  stages = stageCount(options, context);
  llvm::errs() << schedule::toDefaultText(*picked) << "\n";
  return stages ? useOwnCosts(picked->fitting.front().request) : failure();
}

/// Costs that are given are of as many stages as they list, and a single one is that of a stage
/// in which choices are compared. The chosen schedule may have other stages, or micro-batches of
/// another size: what is made of the choice reads costs of these.
LogicalResult Compilation::useOwnCosts(const schedule::Request &request) {
  if (!hasCosts(options))
    return success();
  schedule::Costs costs = request.costs;
  bool isOther = request.samples && (request.samples != costs.samples || request.efficiency != 1);
  if (isOther)
    costs = schedule::withSamples(costs, request.samples, request.efficiency);
  int from = costs.stages.size() > 1 ? int(costs.stages.size()) : schedule::commonStages(request);
  if (from != *stages)
    return useCosts(schedule::recut(costs, from, std::vector<int>(*stages, 1)));
  return isOther ? useCosts(costs) : success();
}

LogicalResult Compilation::useCosts(const schedule::Costs &costs) {
  SmallString<128> path;
  if (std::error_code failed = llvm::sys::fs::createTemporaryFile("costs", "json", path))
    throw WriteError("a temporary file", failed.message());
  ownCosts.setFile(path);
  std::error_code failed;
  llvm::raw_fd_ostream file(path, failed);
  file << textOf(costs);
  file.close();
  if (file.has_error())
    throw WriteError(std::string(path), file.error().message());
  options.costFile = std::string(path);
  options.cost.clear();
  return success();
}

/// One device at every stage is 1F1B with a flush, and what it is called without one.
LogicalResult Compilation::pickReplicas() {
  if (!options.picksReplicas || levelOf(*module) != Level::Loss)
    return success();
  FailureOr<ChosenReplicas> chosen = chooseReplicas(options, *module);
  if (failed(chosen))
    return failure();
  llvm::errs() << chosen->text << "\n";
  options.picksReplicas = false;
  options.stageBegins = chosen->begins;
  if (llvm::any_of(chosen->replicas, [](int count) { return count > 1; }))
    options.stageReplicas = chosen->replicas;
  else if (options.pipeline == "pipedream-flush")
    options.pipeline = "1f1b";
  stages = stageCount(options, context);
  return stages ? useCosts(chosen->costs) : failure();
}
