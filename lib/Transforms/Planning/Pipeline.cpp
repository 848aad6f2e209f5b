//===- Pipeline.cpp - The passes of planning, in order ---------------------===//

#include "lib/Transforms/Planning/Passes.h"

void bitpipe::buildPlanningPipeline(mlir::OpPassManager &manager,
                                    const PlanningOptions &options) {
  manager.addPass(createMakePlanPass(options));
  // Nothing is handed out unproven, whoever made it.
  manager.addPass(createCheckPlanPass());
  manager.addPass(createSplitForwardPass());
}

// Planning adds no interfaces to operations of other dialects.
void bitpipe::registerPlanningExtensions(mlir::DialectRegistry &) {}
