//===- Views.cpp - A schedule as CSV, picture, trace or table --------------===//

#include "tools/bitpipe-opt/Views.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Schedule/CSV.h"
#include "lib/Transforms/Schedule/Compare.h"
#include "lib/Transforms/Schedule/Emit.h"
#include "lib/Transforms/Schedule/Registry.h"

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

/// Times from the operation counts of the stages, so that the mean forward
/// takes 1. The activations of a stage count as 1.
schedule::Costs costsOf(ModuleOp module) {
  schedule::Costs costs;
  double forward = 0;
  for (auto stage : module.getOps<pipe::StageOp>())
    forward += stage.getCost()[0];
  auto stages = llvm::to_vector(module.getOps<pipe::StageOp>());
  if (stages.empty() || forward <= 0)
    return costs;
  costs.stages.clear();
  for (pipe::StageOp stage : stages) {
    auto time = [&](int part) { return stage.getCost()[part] / forward * stages.size(); };
    costs.stages.push_back({time(0), time(1), time(2), time(1) + time(2), 1});
  }
  return costs;
}

} // namespace

/// What the options ask of a family; an error at the context and nothing if
/// the costs are not understood.
static std::optional<schedule::Request> requestOf(const Options &options,
                                                  MLIRContext *context) {
  auto costs = valueOrError(schedule::parseCosts(options.cost), context);
  if (!costs)
    return std::nullopt;
  schedule::Request request;
  request.pipeline = options.pipeline;
  request.devices = options.devices;
  request.microbatches = options.microbatches;
  request.chunks = options.chunks;
  request.costs = *costs;
  request.memory = options.activations;
  request.routes = options.routes;
  request.seconds = options.scheduleTime;
  return request;
}

std::optional<schedule::Schedule> makeSchedule(const Options &options,
                                               MLIRContext *context) {
  if (!options.scheduleFile.empty())
    return valueOrError(schedule::readSchedule(options.scheduleFile), context);
  auto request = requestOf(options, context);
  if (!request)
    return std::nullopt;
  return valueOrError(schedule::buildSchedule(*request), context);
}

LogicalResult printComparison(const Options &options, MLIRContext *context,
                              raw_ostream &out) {
  auto request = requestOf(options, context);
  if (!request)
    return failure();
  std::ostringstream text;
  schedule::emitComparison(text, *request, options.compare,
                           options.compareMicrobatches);
  out << text.str();
  return success();
}

PlanningOptions planningOptions(const Options &options) {
  PlanningOptions planning;
  planning.pipeline = options.pipeline;
  planning.devices = options.devices;
  planning.microbatches = options.microbatches;
  planning.chunks = options.chunks;
  planning.scheduleFile = options.scheduleFile;
  planning.routes = options.routes;
  planning.cost = options.cost;
  planning.activations = options.activations;
  planning.seconds = options.scheduleTime;
  return planning;
}

LogicalResult printView(const Options &options, const schedule::Schedule &schedule,
                        ModuleOp module, MLIRContext *context, raw_ostream &out) {
  std::ostringstream text;
  if (options.emit == Emit::Schedule) {
    schedule::emitSchedule(text, schedule);
    out << text.str();
    return success();
  }
  schedule::Costs costs = module ? costsOf(module) : schedule::Costs();
  if (!options.cost.empty()) {
    auto given = valueOrError(schedule::parseCosts(options.cost), context);
    if (!given)
      return failure();
    costs = *given;
  }
  auto simulated = valueOrError(schedule::simulateAll(schedule, costs), context);
  if (!simulated)
    return failure();
  if (options.emit == Emit::Timeline)
    schedule::emitTimeline(text, *simulated);
  else if (options.emit == Emit::Trace)
    schedule::emitTrace(text, *simulated);
  else
    schedule::emitReport(text, *simulated);
  out << text.str();
  return success();
}

} // namespace bitpipe
