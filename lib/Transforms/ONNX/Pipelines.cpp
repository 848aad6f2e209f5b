//===- Pipelines.cpp - From imported nodes to level 0 ----------------------===//

#include "lib/Transforms/ONNX/Passes.h"

#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

// TableGen's function of that name registers the passes but no pipeline.
namespace bitpipe::tablegen {
#define GEN_PASS_REGISTRATION
#include "lib/Transforms/ONNX/Passes.h.inc"
} // namespace bitpipe::tablegen

using namespace mlir;

void bitpipe::buildONNXPipeline(OpPassManager &pm, Attention attention) {
  // What cannot work is said before anything is done.
  pm.addPass(createCheckNodes());
  pm.addPass(createFoldNodes());
  // What is constant has been computed in the file's own types.
  pm.addPass(createComputeInF32());
  pm.addNestedPass<func::FuncOp>(createLegalizeDropout()); // before any CSE
  // While masks and factors are still nodes of their own.
  pm.addNestedPass<func::FuncOp>(createExpandFunctions());
  pm.addPass(createFuseAttention({attention == Attention::Decomposed}));
  pm.addPass(createLegalizeSoftmax());
  pm.addPass(createCanonicalizerPass()); // nodes that nothing uses any more
  // Views first: products look at the reshape before them.
  pm.addNestedPass<func::FuncOp>(createLegalizeViews());
  pm.addNestedPass<func::FuncOp>(createLegalizeContractions());
  pm.addNestedPass<func::FuncOp>(createLegalizeCumSum());
  pm.addNestedPass<func::FuncOp>(createLegalizeElementwise());
  pm.addNestedPass<func::FuncOp>(createLegalizeReductions());
  pm.addNestedPass<func::FuncOp>(createLegalizeNormalizations());
  pm.addPass(createLegalizeGathers());
  pm.addNestedPass<func::FuncOp>(createFoldTransposes());
  pm.addPass(createCSEPass()); // before fusion, which copies bodies
  pm.addNestedPass<func::FuncOp>(createAccumulateAddends());
  pm.addNestedPass<func::FuncOp>(createFuseElementwise());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createOutlineConstants());
  pm.addPass(createPruneParameters());
  pm.addNestedPass<func::FuncOp>(createVerifyGraph());
}

namespace {
struct PipelineOptions : PassPipelineOptions<PipelineOptions> {
  Option<bool> decomposed{*this, "decomposed", llvm::cl::init(false),
                          llvm::cl::desc("leave every attention in several operations")};
};
} // namespace

void bitpipe::registerONNXPasses() {
  tablegen::registerONNXPasses();
  PassPipelineRegistration<PipelineOptions>(
      "pipe-onnx", "From imported nodes to level 0",
      [](OpPassManager &pm, const PipelineOptions &options) {
        buildONNXPipeline(pm, options.decomposed ? Attention::Decomposed : Attention::Fused);
      });
}

void bitpipe::registerONNXExtensions(DialectRegistry &) {}
