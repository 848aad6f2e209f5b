//===- SplitGradient.h - Forward, input gradient, weight gradient ----------===//
//
// The second step: cuts a joint gradient into the three functions of a stage.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_AUTODIFF_SPLITGRADIENT_H
#define BITPIPE_TRANSFORMS_AUTODIFF_SPLITGRADIENT_H

#include "lib/Transforms/Autodiff/JointGradient.h"

namespace bitpipe {

/// The functions as pipe.stage documents them, in no module yet.
struct StageGradient {
  mlir::func::FuncOp forward, inputGradient, weightGradient;
  /// The parameters whose sums the input gradient adds to, if it computes the loss.
  std::optional<llvm::SmallVector<int64_t>> joint;
};

/// Leaves the joint gradient as it is.
StageGradient splitGradient(StageSignature &stage, JointGradient &joint);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_AUTODIFF_SPLITGRADIENT_H
