//===- StageFunction.h - One stage as a function ---------------------------===//
//
// Copies the nodes of a stage, and everything cheap that they need, from the
// forward function into a function of their own.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_PARTITION_STAGEFUNCTION_H
#define BITPIPE_TRANSFORMS_PARTITION_STAGEFUNCTION_H

#include "lib/Transforms/Partition/ForwardGraph.h"

namespace bitpipe {

/// What a stage computes: nodes [begin, end) and what passes its two cuts.
struct StageRange {
  unsigned begin, end;
  llvm::SmallVector<mlir::Value> carriedIn;
  llvm::SmallVector<mlir::Value> carriedOut;
};

/// A stage's function, not yet in a module, and what its arguments stand for.
struct StageFunction {
  mlir::func::FuncOp function;
  llvm::SmallVector<unsigned> inputs; ///< Arguments of the forward function.
  llvm::SmallVector<int64_t> dropouts; ///< Whose keys are read.
  llvm::SmallVector<mlir::Attribute> parameters;
  llvm::SmallVector<mlir::Type> parameterTypes;
  llvm::SmallVector<bool> trainable; ///< One per parameter.
  llvm::SmallVector<bool> carriedIn; ///< Whether each has a gradient.
  llvm::SmallVector<bool> carriedOut;
  Cost cost;
};

StageFunction buildStage(const ForwardGraph &graph, const StageRange &range,
                         llvm::StringRef name);

/// Whether both compute the same and want the same gradients, whatever
/// parameters, model inputs and dropout keys they are bound to.
bool sameComputation(StageFunction &a, StageFunction &b);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_PARTITION_STAGEFUNCTION_H
