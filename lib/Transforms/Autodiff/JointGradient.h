//===- JointGradient.h - A stage and its gradient in one function ----------===//
//
// The first of two steps: the gradient is built behind a copy of the forward
// operations, as if nothing had to be split. SplitGradient then cuts it.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_AUTODIFF_JOINTGRADIENT_H
#define BITPIPE_TRANSFORMS_AUTODIFF_JOINTGRADIENT_H

#include "lib/Transforms/Autodiff/StageSignature.h"

#include "llvm/ADT/DenseSet.h"

namespace bitpipe {

/// (forward's arguments..., d carried out..., gradients so far...) ->
/// (carried out..., d carried in..., gradients...)
struct JointGradient {
  mlir::OwningOpRef<mlir::func::FuncOp> function;
  unsigned forwardArguments, outputGradients, outputs, inputGradients;
  /// Operations that compute the gradient of something that depends on
  /// parameters alone.
  llvm::DenseSet<mlir::Operation *> forParameters;

  mlir::ValueRange arguments() { return function.get().getArguments(); }
  mlir::ValueRange results() {
    return function.get().front().getTerminator()->getOperands();
  }
};

JointGradient buildJointGradient(StageSignature &stage);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_AUTODIFF_JOINTGRADIENT_H
