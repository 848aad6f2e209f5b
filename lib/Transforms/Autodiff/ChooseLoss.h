//===- ChooseLoss.h - Which outputs the loss is made of --------------------===//

#ifndef BITPIPE_TRANSFORMS_AUTODIFF_CHOOSELOSS_H
#define BITPIPE_TRANSFORMS_AUTODIFF_CHOOSELOSS_H

#include "lib/Dialect/Pipe/IR/Pipe.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace bitpipe {

/// The outputs, by number.
struct LossChoice {
  enum Kind {
    CrossEntropy, // of the logits `output` with labels
    Own,          // the scalar `output`
    Quotient      // the scalar `output` divided by the scalar `count`
  } kind;
  unsigned output;
  unsigned count = 0;
};

/// Finds what `loss` asks for (auto, cross-entropy, NAME or SUM/COUNT) among
/// the outputs. Reports what is missing, and where several may be meant.
mlir::FailureOr<LossChoice> chooseLoss(pipe::ModelOp model,
                                       mlir::func::FuncOp forward,
                                       llvm::StringRef loss);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_AUTODIFF_CHOOSELOSS_H
