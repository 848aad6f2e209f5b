//===- StageSignature.h - What a stage's arguments and results are ---------===//

#ifndef BITPIPE_TRANSFORMS_AUTODIFF_STAGESIGNATURE_H
#define BITPIPE_TRANSFORMS_AUTODIFF_STAGESIGNATURE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace bitpipe {

/// A stage's forward function, (carried in..., inputs..., dropout keys...,
/// parameters...) -> (carried out...), and which of its values have gradients. Stages of one
/// signature share their gradients.
struct StageSignature {
  mlir::func::FuncOp forward;
  llvm::SmallVector<bool> carriedIn, carriedOut, trainable;

  unsigned firstParameter() {
    return forward.getNumArguments() - trainable.size();
  }
  mlir::ValueRange parameters() {
    return forward.getArguments().drop_front(firstParameter());
  }
  bool operator==(const StageSignature &other) const {
    return forward == other.forward && carriedIn == other.carriedIn &&
           carriedOut == other.carriedOut && trainable == other.trainable;
  }
};

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_AUTODIFF_STAGESIGNATURE_H
