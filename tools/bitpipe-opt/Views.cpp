//===- Views.cpp - A schedule as CSV, picture, trace or table --------------===//

#include "tools/bitpipe-opt/Views.h"

#include "lib/Costs/CostFile.h"
#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Planning/Costs.h"
#include "lib/Transforms/Planning/Translate.h"
#include "lib/Transforms/Schedule/Emit/Compare.h"
#include "lib/Transforms/Schedule/Emit/Emit.h"
#include "lib/Transforms/Schedule/Emit/Speedup.h"
#include "lib/Transforms/Schedule/Families/Shared/Registry.h"
#include "lib/Transforms/Schedule/Simulate/Communicate.h"
#include "lib/Transforms/Schedule/Simulate/Recompute.h"

#include <sstream>

using namespace mlir;

namespace bitpipe {
namespace {

template <typename T>
std::optional<T> valueOrError(schedule::ErrorOr<T> result, MLIRContext *context) {
  if (result)
    return std::move(*result);
  emitError(UnknownLoc::get(context)) << result.error().text;
  return std::nullopt;
}

/// A size for a schedule: what a file that brings its own must agree with is only
/// what is said on the command line.
int sizeFor(const Options &options, const char *option, int64_t size) {
  bool isFile = !options.scheduleFile.empty() || !options.routesFile.empty();
  return isFile && !options.given.count(option) ? 0 : int(size);
}

} // namespace

schedule::Request requestFor(const Options &options, schedule::Costs costs) {
  schedule::Request request;
  request.pipeline = options.pipeline;
  request.devices = sizeFor(options, "devices", options.devices);
  request.microbatches = sizeFor(options, "microbatches", options.microbatches);
  request.replicas = int(options.replicas);
  request.chunks = options.chunks;
  request.down = options.down;
  request.updateEvery = int(options.updateEvery);
  request.stageReplicas = options.stageReplicas;
  request.costs = std::move(costs);
  request.memory = options.activations;
  request.routes = options.routesFile;
  request.order = options.scheduleFile;
  request.effort = options.scheduleEffort;
  request.recompute = options.recompute;
  request.balance = options.balance;
  request.offload = options.offload;
  request.shard = schedule::shardNamed(options.shard).value_or(schedule::Shard::None);
  return request;
}

static void printForm(Emit emit, const schedule::Simulated &simulated, std::ostream &out) {
  if (emit == Emit::Timeline)
    schedule::emitTimeline(out, simulated);
  else if (emit == Emit::Trace)
    schedule::emitTrace(out, simulated);
  else
    schedule::emitReport(out, simulated);
}

std::optional<int> stageCount(const Options &options, MLIRContext *context) {
  auto placement = valueOrError(schedule::placementFor(requestFor(options)), context);
  if (!placement)
    return std::nullopt;
  bool isSet = !options.recompute.empty() && options.recompute != "auto";
  if (isSet && !valueOrError(schedule::parseStageSet(options.recompute, placement->stages()), context))
    return std::nullopt;
  return placement->stages();
}

PlanningOptions planningOptions(const Options &options) {
  PlanningOptions planning;
  planning.pipeline = options.pipeline;
  planning.devices = sizeFor(options, "devices", options.devices);
  planning.microbatches = sizeFor(options, "microbatches", options.microbatches);
  planning.replicas = options.replicas;
  planning.chunks = options.chunks;
  planning.down = options.down;
  planning.updateEvery = options.updateEvery;
  planning.stageReplicas.assign(options.stageReplicas.begin(), options.stageReplicas.end());
  planning.scheduleFile = options.scheduleFile;
  planning.routes = options.routesFile;
  planning.cost = options.cost;
  planning.costFile = options.costFile;
  planning.activations = options.activations;
  planning.effort = options.scheduleEffort;
  planning.recompute = options.recompute;
  planning.balance = options.balance;
  planning.offload = options.offload;
  planning.shard = options.shard;
  planning.devicesPerNode = options.target == "cuda" ? 1 : options.devicesPerNode;
  return planning;
}

/// How many devices the costs are for: schedules that are compared by name have all as
/// many, others those of their routes.
static schedule::ErrorOr<int> deviceCount(const Options &options, pipe::PlanOp plan) {
  if (plan)
    return int(plan.getDevices());
  if (!options.compare.empty() && options.scheduleFile.empty() && options.routesFile.empty())
    return int(options.devices);
  auto placement = schedule::placementFor(requestFor(options));
  return placement ? schedule::ErrorOr<int>(placement->devices()) : placement.error();
}

LogicalResult printCosts(const Options &options, ModuleOp module, raw_ostream &out) {
  auto costs = valueOrError(costsOfStages(module, options.optimizer), module.getContext());
  if (!costs)
    return failure();
  out << textOf(*costs);
  return success();
}

static pipe::PlanOp planOf(ModuleOp module) {
  if (module)
    for (auto plan : module.getOps<pipe::PlanOp>())
      return plan;
  return nullptr;
}

LogicalResult printView(const Options &options, ModuleOp module,
                        MLIRContext *context, raw_ostream &out) {
  pipe::PlanOp plan = planOf(module);
  auto devices = valueOrError(deviceCount(options, plan), context);
  if (!devices)
    return failure();
  auto costs = valueOrError(findCosts(options.cost, options.costFile, *devices, module), context);
  if (!costs)
    return failure();
  std::ostringstream text;
  schedule::Request request = requestFor(options, *costs);
  if (!options.compare.empty()) {
    std::optional<schedule::Efficiencies> efficiencies;
    if (!options.efficiency.empty())
      efficiencies = *schedule::parseEfficiencies(options.efficiency);
    auto wrong = schedule::emitComparison(text, request, options.compare, options.compareSizes, efficiencies);
    if (wrong)
      return emitError(UnknownLoc::get(context)) << wrong->text, failure();
    out << text.str();
    return success();
  }
  std::optional<schedule::Schedule> schedule;
  std::optional<schedule::Program> program; // the plan's own
  if (plan) {
    FailureOr<PlanProgram> read = readPlan(plan);
    if (failed(read))
      return failure();
    program = std::move(read->program);
    schedule = scheduleOf(plan, *program);
  } else {
    schedule = valueOrError(schedule::buildSchedule(request), context);
  }
  if (!schedule)
    return failure();
  if (!schedule->note.empty() && options.emit != Emit::Report) // which tells it itself
    emitRemark(UnknownLoc::get(context)) << schedule->note;
  if (options.emit == Emit::Schedule) {
    schedule::emitSchedule(text, *schedule);
    out << text.str();
    return success();
  }
  auto simulated = valueOrError(schedule::simulateAll(*schedule, *costs, program ? &*program : nullptr), context);
  if (!simulated)
    return failure();
  printForm(options.emit, *simulated, text);
  if (!options.efficiency.empty() && !options.batch) { // else the size was chosen by them
    auto wrong = schedule::emitSpeedups(text, *simulated, *schedule::parseEfficiencies(options.efficiency));
    if (wrong)
      return emitError(UnknownLoc::get(context)) << "--efficiency: " << wrong->text, failure();
  }
  out << text.str();
  return success();
}

} // namespace bitpipe
