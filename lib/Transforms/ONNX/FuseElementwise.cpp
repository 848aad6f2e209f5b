//===- FuseElementwise.cpp - One loop nest per elementwise chain -----------===//

#include "lib/Transforms/ONNX/Contractions.h"
#include "lib/Transforms/ONNX/Passes.h"

#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace bitpipe {
#define GEN_PASS_DEF_FUSEELEMENTWISE
#include "lib/Transforms/ONNX/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

/// Repeating a tensor costs nothing where it is read.
bool isBroadcast(linalg::GenericOp op) {
  Block *body = op.getBody();
  return &body->front() == body->getTerminator();
}

bool mayFuse(OpOperand *operand) {
  auto producer = operand->get().getDefiningOp<linalg::GenericOp>();
  return isElementwiseGeneric(producer) && isElementwiseGeneric(operand->getOwner()) &&
         (operand->get().hasOneUse() || isBroadcast(producer));
}

struct FuseElementwise : bitpipe::impl::FuseElementwiseBase<FuseElementwise> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    linalg::populateElementwiseOpsFusionPatterns(patterns, mayFuse);
    linalg::GenericOp::getCanonicalizationPatterns(patterns, &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
