//===- LinalgToLoops.cpp - Linalg operations become vector loops -----------===//
//
// Each operation is reduced to loops and strides first; then one rule emits code
// for all of them.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/LinalgToLoops.h"
#include "lib/Transforms/Kernels/LoopNest.h"
#include "lib/Transforms/Kernels/NestEmitter.h"
#include "lib/Transforms/Kernels/Passes.h"

using namespace mlir;
using namespace bitpipe;

namespace bitpipe {
#define GEN_PASS_DEF_PIPELINALGTOLOOPS
#include "lib/Transforms/Kernels/Passes.h.inc"
} // namespace bitpipe

LogicalResult bitpipe::lowerLinalgToLoops(Operation *root) {
  WalkResult walk = root->walk([](linalg::LinalgOp op) {
    FailureOr<LoopNest> nest = buildLoopNest(op);
    if (failed(nest))
      return WalkResult::interrupt();
    OpBuilder builder(op);
    emitNest(builder, op, *nest);
    op->erase();
    return WalkResult::skip();
  });
  return failure(walk.wasInterrupted());
}

namespace {

struct PipeLinalgToLoops
    : bitpipe::impl::PipeLinalgToLoopsBase<PipeLinalgToLoops> {
  void runOnOperation() override {
    if (failed(lowerLinalgToLoops(getOperation())))
      signalPassFailure();
  }
};

} // namespace
