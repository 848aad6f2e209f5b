//===- Views.cpp - A schedule as CSV, picture, trace or table --------------===//

#include "tools/bitpipe-opt/Views.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Schedule/CSV.h"
#include "lib/Transforms/Schedule/Check.h"
#include "lib/Transforms/Schedule/Communicate.h"
#include "lib/Transforms/Schedule/Compare.h"
#include "lib/Transforms/Schedule/Emit.h"
#include "lib/Transforms/Schedule/Registry.h"

#include <climits>
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

/// Times from --cost, else from the module, else all 1.
std::optional<schedule::Costs> costsFor(const Options &options, ModuleOp module,
                                        MLIRContext *context) {
  if (!options.cost.empty())
    return valueOrError(schedule::parseCosts(options.cost), context);
  return module ? costsOf(module) : schedule::Costs();
}

schedule::Request requestFor(const Options &options, schedule::Costs costs) {
  schedule::Request request;
  request.pipeline = options.pipeline;
  request.devices = options.devices;
  request.microbatches = options.microbatches;
  request.chunks = options.chunks;
  request.down = options.down;
  request.costs = std::move(costs);
  request.memory = options.activations;
  request.routes = options.routesFile;
  request.seconds = options.scheduleTime;
  return request;
}

/// An order from a file, which must keep to the limit if one is given.
schedule::ErrorOr<schedule::Schedule> readWithin(const std::string &file, double activations,
                                                 const schedule::Costs &costs) {
  auto schedule = schedule::readSchedule(file);
  if (!schedule || activations <= 0)
    return schedule;
  auto program = schedule::communicate(*schedule, {}, costs);
  if (!program)
    return schedule::Error{file + ": " + program.error().text};
  schedule::Held limit{activations, INT_MAX};
  std::vector<schedule::Held> limits(program->devices.size(), limit);
  if (auto wrong = schedule::checkMemory(*program, costs, limits))
    return schedule::Error{file + ": " + wrong->text};
  return schedule;
}

schedule::ErrorOr<schedule::Schedule> makeSchedule(const Options &options,
                                                   const schedule::Costs &costs) {
  if (!options.scheduleFile.empty())
    return readWithin(options.scheduleFile, options.activations, costs);
  return schedule::buildSchedule(requestFor(options, costs));
}

void printForm(Emit emit, const schedule::Simulated &simulated, std::ostream &out) {
  if (emit == Emit::Timeline)
    schedule::emitTimeline(out, simulated);
  else if (emit == Emit::Trace)
    schedule::emitTrace(out, simulated);
  else
    schedule::emitReport(out, simulated);
}

} // namespace

std::optional<int> stageCount(const Options &options, MLIRContext *context) {
  if (!options.scheduleFile.empty()) {
    auto schedule = valueOrError(schedule::readSchedule(options.scheduleFile), context);
    return schedule ? std::optional(schedule->placement.stages()) : std::nullopt;
  }
  auto placement = valueOrError(schedule::placementFor(requestFor(options, {})), context);
  return placement ? std::optional(placement->stages()) : std::nullopt;
}

PlanningOptions planningOptions(const Options &options) {
  PlanningOptions planning;
  planning.pipeline = options.pipeline;
  planning.devices = options.devices;
  planning.microbatches = options.microbatches;
  planning.chunks = options.chunks;
  planning.down = options.down;
  planning.scheduleFile = options.scheduleFile;
  planning.routes = options.routesFile;
  planning.cost = options.cost;
  planning.activations = options.activations;
  planning.seconds = options.scheduleTime;
  return planning;
}

LogicalResult printView(const Options &options, ModuleOp module,
                        MLIRContext *context, raw_ostream &out) {
  auto costs = costsFor(options, module, context);
  if (!costs)
    return failure();
  std::ostringstream text;
  if (!options.compare.empty()) {
    schedule::emitComparison(text, requestFor(options, *costs), options.compare,
                             options.compareSizes);
    out << text.str();
    return success();
  }
  auto schedule = valueOrError(makeSchedule(options, *costs), context);
  if (!schedule)
    return failure();
  if (options.emit == Emit::Schedule) {
    schedule::emitSchedule(text, *schedule);
    out << text.str();
    return success();
  }
  auto simulated = valueOrError(schedule::simulateAll(*schedule, *costs), context);
  if (!simulated)
    return failure();
  printForm(options.emit, *simulated, text);
  out << text.str();
  return success();
}

} // namespace bitpipe
