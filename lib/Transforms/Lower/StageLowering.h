//===- StageLowering.h - The routines of one stage -------------------------===//

#ifndef BITPIPE_TRANSFORMS_LOWER_STAGELOWERING_H
#define BITPIPE_TRANSFORMS_LOWER_STAGELOWERING_H

#include "lib/Transforms/Lower/ParameterGroups.h"
#include "lib/Transforms/Lower/RoutineBuilder.h"

namespace bitpipe::lower {

/// The functions of a stage; the gradients may be missing, and the recomputation is
/// there where the forward saves nothing.
struct StageFunctions {
  mlir::func::FuncOp forward, recompute, inputGradient, weightGradient;

  /// What returns the values that the input gradient reads, and how many others it
  /// returns before them.
  mlir::func::FuncOp saving() const { return recompute ? recompute : forward; }
  size_t resultsBeforeSaved(pipe::StageOp stage) const {
    return recompute ? 0 : stage.carriedByForward();
  }

  /// Looks them up and checks their signatures against the stage.
  static mlir::FailureOr<StageFunctions> find(pipe::StageOp stage,
                                              mlir::SymbolTable &symbols);
};

/// The names of a stage's routines; null where there is no function.
struct StageRoutines {
  mlir::FlatSymbolRefAttr forward, recompute, inputGradient, weightGradient;
};

/// Where the stage's parameters and its working weights lie in the blocks of its
/// groups, as (block, offset) pairs: stages that agree in this and in their functions
/// have the same routines.
llvm::SmallVector<std::pair<int64_t, int64_t>>
parameterLayout(pipe::StageOp stage, const ParameterGroups &groups);
llvm::SmallVector<std::pair<int64_t, int64_t>>
workingLayout(pipe::StageOp stage, const ParameterGroups &groups);

/// Lowers the functions one after the other, since each says where the next
/// finds its arguments. `nameFor` makes a routine's name from a function's; `onGPUs`
/// products make bias gradients.
mlir::FailureOr<StageRoutines>
lowerStage(pipe::StageOp stage, bool isLast, StageFunctions functions,
           const ParameterGroups &groups, KernelLibrary &kernels,
           llvm::function_ref<std::string(llvm::StringRef)> nameFor,
           mlir::OpBuilder &builder, bool onGPUs);

} // namespace bitpipe::lower

#endif // BITPIPE_TRANSFORMS_LOWER_STAGELOWERING_H
