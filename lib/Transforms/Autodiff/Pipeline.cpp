//===- Pipeline.cpp - The passes of this phase in their order --------------===//

#include "lib/Transforms/Autodiff/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

// TableGen's function of that name registers the passes but no pipeline.
namespace bitpipe::tablegen {
#define GEN_PASS_REGISTRATION
#include "lib/Transforms/Autodiff/Passes.h.inc"
} // namespace bitpipe::tablegen

using namespace mlir;

void bitpipe::buildAutodiffPipeline(OpPassManager &manager, int64_t logitBytes) {
  manager.addPass(createPipeDifferentiate());
  manager.addNestedPass<func::FuncOp>(createPipeChunkLoss({logitBytes}));
  // Views of views and reshapes there and back cancel.
  manager.addNestedPass<func::FuncOp>(createCanonicalizerPass());
  manager.addNestedPass<func::FuncOp>(createCSEPass());
}

void bitpipe::registerAutodiffPasses() {
  tablegen::registerAutodiffPasses();
  PassPipelineRegistration<>("pipe-autodiff",
                             "Differentiate the stages and tidy up",
                             [](OpPassManager &manager) { buildAutodiffPipeline(manager); });
}
