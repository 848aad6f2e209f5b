//===- StageSizes.h - What stages keep, by their functions ------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_PLANNING_STAGESIZES_H
#define BITPIPE_TRANSFORMS_PLANNING_STAGESIZES_H

#include "lib/Dialect/Pipe/IR/Pipe.h"

#include "mlir/IR/BuiltinOps.h"

namespace bitpipe {

/// What a stage holds of a micro-batch, in bytes, by the types of its functions.
struct StageSizes {
  /// From the forward to the input gradient, and from that to the weight gradient.
  double saved = 0, kept = 0;
  /// What the forward has read of the stage before.
  double input = 0;
  /// What of `saved` and `kept` lies in the message in which it came from another stage.
  double savedInMessage = 0, keptInMessage = 0;
  /// Whether the weight gradient reads what came from the stage before, and from the one
  /// behind.
  bool keepsInput = false, keepsGradient = false;
};

/// Of every stage in turn; empty if not all functions are there.
std::vector<StageSizes> stageSizes(mlir::ModuleOp module);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_PLANNING_STAGESIZES_H
