//===- ComputeToLoops.cpp - Compute operations become loops ----------------===//
//
// Finds the compute operations, checks that they can be lowered, and leaves
// the loops themselves to one file per family.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/ComputeToLoops.h"
#include "lib/Transforms/Kernels/Passes.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace bitpipe;

namespace bitpipe {
#define GEN_PASS_DEF_PIPECOMPUTETOLOOPS
#include "lib/Transforms/Kernels/Passes.h.inc"
} // namespace bitpipe

/// Checks one operand: a static buffer, of f32, f64 or bf16 unless of integers.
static LogicalResult verifyBuffer(Operation *op, OpOperand &operand) {
  auto type = dyn_cast<MemRefType>(operand.get().getType());
  if (!type || !type.hasStaticShape())
    return emitError(op->getLoc())
           << op->getName() << " operand " << operand.getOperandNumber() << " is "
           << operand.get().getType() << ", expected a memref of static shape";
  Type element = type.getElementType();
  if (element.isInteger() || element.isF32() || element.isF64() || element.isBF16())
    return success();
  return emitError(op->getLoc())
         << op->getName() << " operand " << operand.getOperandNumber()
         << " has elements of " << element << ", expected f32, f64 or bf16";
}

LogicalResult bitpipe::verifyBuffers(Operation *op) {
  for (OpOperand &operand : op->getOpOperands())
    if (failed(verifyBuffer(op, operand)))
      return failure();
  return success();
}

RowAccess bitpipe::accessOf(Values buffers) {
  auto type = cast<MemRefType>(buffers.front().getType());
  return {computedElement(type.getElementType()), buffers};
}

LogicalResult bitpipe::lowerComputeToLoops(Operation *root) {
  // What is fused is one operation: its body goes with it.
  WalkResult walk = root->walk<WalkOrder::PreOrder>([](Operation *op) {
    OpBuilder builder(op);
    auto lower = [&](auto compute) {
      if (failed(verifyBuffers(op)))
        return WalkResult::interrupt();
      emitLoops(builder, compute);
      op->erase();
      return WalkResult::skip();
    };
    return llvm::TypeSwitch<Operation *, WalkResult>(op)
        .Case<pipe::SoftmaxOp, pipe::SoftmaxGradOp, pipe::LayerNormOp,
              pipe::LayerNormGradInputOp, pipe::LayerNormGradParamsOp,
              pipe::GatherOp, pipe::GatherGradOp, pipe::DropoutOp, pipe::CrossEntropyOp,
              pipe::CrossEntropyGradOp, pipe::FusedRowsOp>(lower)
        .Default([](Operation *) { return WalkResult::advance(); });
  });
  return failure(walk.wasInterrupted());
}

namespace {

struct PipeComputeToLoops
    : bitpipe::impl::PipeComputeToLoopsBase<PipeComputeToLoops> {
  void runOnOperation() override {
    if (failed(lowerComputeToLoops(getOperation())))
      signalPassFailure();
  }
};

} // namespace
