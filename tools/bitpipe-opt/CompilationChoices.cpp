//===- CompilationChoices.cpp - What the options leave open ----------------===//
//
// The schedule of --pipeline=auto and the stages of --recompute=auto are decided when the
// module has come so far that it tells what they cost.
//
//===----------------------------------------------------------------------===//

#include "tools/bitpipe-opt/Compilation.h"

#include "lib/Costs/CostFile.h"
#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Files/Error.h"
#include "lib/Transforms/Lower/Passes.h"
#include "lib/Transforms/Lower/PrintMemory.h"
#include "lib/Transforms/Schedule/Emit/EmitChoice.h"
#include "tools/bitpipe-opt/ChooseRecomputed.h"
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
    planning.shardOptimizer = options.shardOptimizer;
    return memoryOf(planning);
  });
  if (succeeded(chosen))
    options.recompute = *chosen;
  return chosen;
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

FailureOr<int64_t> Compilation::laidOut() {
  OwningOpRef<ModuleOp> whole = module->clone();
  FailureOr<std::vector<int64_t>> bytes = failure();
  if (succeeded(raiseTo(Level::Stages)))
    bytes = memoryOf(planningOptions(options));
  std::swap(module, whole);
  if (failed(bytes))
    return failure();
  return *llvm::max_element(*bytes);
}

LogicalResult Compilation::tryChoice(ModuleOp forCosts, double buffers) {
  Options open = options;
  auto chosen = chooseSchedule(open, forCosts, buffers);
  if (!chosen)
    return fail(chosen.error().text);
  choice = std::move(*chosen);
  options = withChosen(open, *choice);
  stages = stageCount(options, context);
  return success(bool(stages));
}

/// The schedule counts what is alive; the layout, which has the last word, has messages and
/// memory to compute in besides. Where that is too much, as much is added for every schedule,
/// and it is chosen anew.
LogicalResult Compilation::choose() {
  if (options.shardOptimizer)
    emitRemark(UnknownLoc::get(context)) << "--pipeline=auto counts moments, sums and updates as without --shard-optimizer";
  FailureOr<OwningOpRef<ModuleOp>> forCosts = stagesForCosts();
  if (failed(forCosts))
    return failure();
  const Options open = options;
  double buffers = 0;
  while (true) {
    options = open;
    ModuleOp cut = *forCosts ? **forCosts : ModuleOp();
    if (failed(tryChoice(cut, buffers)))
      return failure();
    bool isLimited = cut && options.memory && levelFor(options.emit) >= Level::Stages;
    if (!isLimited)
      break;
    FailureOr<int64_t> need = laidOut();
    if (failed(need))
      return failure();
    if (*need <= *options.memory)
      break;
    buffers += double(*need) - choice->fitting.front().memory;
  }
  llvm::errs() << schedule::toText(*choice) << "\n";
  return useOwnCosts();
}

/// A list of costs is for one number of stages, and the chosen schedule may have another, for
/// which the list was joined and divided: what is made of the choice reads that, too.
LogicalResult Compilation::useOwnCosts() {
  const schedule::Costs &costs = choice->fitting.front().request.costs;
  bool isList = !options.costFile.empty() && costs.stages.size() > 1;
  if (!isList || int(costs.stages.size()) == *stages)
    return success();
  SmallString<128> path;
  if (std::error_code failed = llvm::sys::fs::createTemporaryFile("costs", "json", path))
    throw WriteError("a temporary file", failed.message());
  ownCosts.setFile(path);
  std::error_code failed;
  llvm::raw_fd_ostream file(path, failed);
  file << textOf(schedule::recut(costs, 0, *stages));
  file.close();
  if (file.has_error())
    throw WriteError(std::string(path), file.error().message());
  options.costFile = std::string(path);
  return success();
}
