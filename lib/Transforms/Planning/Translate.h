//===- Translate.h - Between pipe.plan and programs --------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_PLANNING_TRANSLATE_H
#define BITPIPE_TRANSFORMS_PLANNING_TRANSLATE_H

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Schedule/Core/Program.h"

#include "mlir/IR/Builders.h"

namespace bitpipe {

/// Builds a `pipe.plan` named @plan of a program.
pipe::PlanOp writePlan(mlir::OpBuilder &builder, mlir::Location loc,
                       llvm::StringRef schedule,
                       const schedule::Program &program);

/// The placement of a plan; an error where its routes are none.
mlir::FailureOr<schedule::Placement> placementOf(pipe::PlanOp plan);

/// A program and the operation of each of its instructions.
struct PlanProgram {
  schedule::Program program;
  std::vector<std::vector<mlir::Operation *>> operations;
};

/// Reads a plan. Emits an error where it names a device, group or micro-batch
/// that it does not have.
mlir::FailureOr<PlanProgram> readPlan(pipe::PlanOp plan);

/// The updates between micro-batches of stages 0 to `stages` - 1.
schedule::Updates updatesOf(pipe::PlanOp plan, int stages);

/// The stages of 0 to `stages` - 1 of which any recomputation runs.
std::vector<bool> recomputedStages(pipe::PlanOp plan, int stages);

/// What the devices of a plan keep slices of.
schedule::Shard shardOf(pipe::PlanOp plan);

/// The device that keeps what is evicted of each stage and micro-batch, or -1.
std::vector<int> keepersOf(pipe::PlanOp plan, const schedule::Placement &placement);

/// The actions of a program, without other messages.
schedule::Order orderOf(const schedule::Program &program);

/// The compute order of a plan, whose program is given.
schedule::Schedule scheduleOf(pipe::PlanOp plan, const schedule::Program &program);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_PLANNING_TRANSLATE_H
