//===- Passes.h - Planning: from schedules to plans --------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_PLANNING_PASSES_H
#define BITPIPE_TRANSFORMS_PLANNING_PASSES_H

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

namespace bitpipe {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "lib/Transforms/Planning/Passes.h.inc"

using PlanningOptions = MakePlanPassOptions;

/// Makes the plan, then checks it, and gives the stages the functions that it runs.
void buildPlanningPipeline(mlir::OpPassManager &manager,
                           const PlanningOptions &options);

void registerPlanningExtensions(mlir::DialectRegistry &registry);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_PLANNING_PASSES_H
