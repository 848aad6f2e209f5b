//===- Views.cpp - A schedule as CSV, picture, trace or table --------------===//

#include "tools/bitpipe-opt/Views.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Schedule/CSV.h"
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

std::optional<schedule::Schedule> makeSchedule(const Options &options,
                                               MLIRContext *context) {
  if (!options.scheduleFile.empty())
    return valueOrError(schedule::readSchedule(options.scheduleFile), context);
  schedule::Request request;
  request.pipeline = options.pipeline;
  request.devices = options.devices;
  request.microbatches = options.microbatches;
  request.chunks = options.chunks;
  return valueOrError(schedule::buildSchedule(request), context);
}

PlanningOptions planningOptions(const Options &options) {
  PlanningOptions planning;
  planning.pipeline = options.pipeline;
  planning.devices = options.devices;
  planning.microbatches = options.microbatches;
  planning.chunks = options.chunks;
  planning.scheduleFile = options.scheduleFile;
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
