//===- Pipeline.cpp - The passes of this phase in order --------------------===//

#include "lib/Transforms/Lower/Passes.h"

using namespace mlir;
using namespace bitpipe;

void bitpipe::buildLowerPipeline(OpPassManager &pm,
                                 const LowerOptions &options) {
  // First, while the functions still tell the types of the model inputs.
  pm.addPass(createLowerTraining({options.optimizer, options.target}));
  pm.addPass(createFuseRows());
  pm.addPass(createLowerStages({options.target}));
  pm.addPass(createLowerPlan({options.memoryLimit}));
  // Last, so that a plan that is refused leaves no file.
  if (!options.weights.empty())
    pm.addPass(createWriteWeights({options.weights}));
}
