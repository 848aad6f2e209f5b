//===- Costs.cpp - Where the costs of a schedule come from -----------------===//

#include "lib/Transforms/Planning/Costs.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Planning/CostFile.h"

#include <map>

using namespace llvm;
using namespace bitpipe;
using schedule::Costs;

/// Activations count as 1: stages do not tell their sizes.
static Costs countCosts(mlir::ModuleOp module) {
  std::map<int64_t, ArrayRef<double>> stages;
  double forward = 0;
  for (auto stage : module.getOps<pipe::StageOp>()) {
    if (stage.getCost().size() != 3)
      return {};
    stages[stage.getIndex()] = stage.getCost();
    forward += stage.getCost()[0];
  }
  Costs costs;
  if (stages.empty() || forward <= 0)
    return costs;
  costs.stages.clear();
  double unit = forward / stages.size();
  for (const auto &[index, cost] : stages)
    costs.stages.push_back({cost[0] / unit, cost[1] / unit, cost[2] / unit,
                            (cost[1] + cost[2]) / unit, 1});
  return costs;
}

schedule::ErrorOr<Costs> bitpipe::findCosts(StringRef text, StringRef file,
                                            int devices,
                                            mlir::ModuleOp module) {
  if (!text.empty())
    return schedule::parseCosts(text);
  if (!file.empty())
    return readCosts(file, devices);
  return module ? countCosts(module) : Costs();
}
