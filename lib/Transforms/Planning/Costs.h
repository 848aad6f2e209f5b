//===- Costs.h - Where the costs of a schedule come from ---------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_PLANNING_COSTS_H
#define BITPIPE_TRANSFORMS_PLANNING_COSTS_H

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Schedule/Core/Costs.h"

#include "mlir/IR/BuiltinOps.h"

namespace bitpipe {

/// Writes the operation counts of the module's stages, if it has any, into its
/// plan: the stages go when programs are made, and views show the same times
/// before and after.
void keepCosts(mlir::ModuleOp module, pipe::PlanOp plan);

/// Whether the last stage computes its loss with its gradients.
bool hasLossInGradient(mlir::ModuleOp module);

/// Costs from `text` (see schedule::parseCosts) if there is one, else from the
/// file if one is named, else from the operation counts of the module's stages,
/// or those that its plan keeps, where the mean forward takes 1; if there are none, all times are 1.
schedule::ErrorOr<schedule::Costs> findCosts(llvm::StringRef text,
                                             llvm::StringRef file, int devices,
                                             mlir::ModuleOp module);

/// The costs of a module's stages as a file has them: operations, as the partition counts
/// them, for times, and bytes. What links, sums and updates take depends on machines.
schedule::ErrorOr<schedule::Costs> costsOfStages(mlir::ModuleOp module, llvm::StringRef optimizer);

/// Adds to the costs of all stages of a module what they keep, hold and send, in bytes, as
/// the types of their functions and parameters say; what a step needs besides, to compute in
/// and to send, is not known before it is laid out.
void addSizes(mlir::ModuleOp module, llvm::StringRef optimizer, schedule::Costs &costs);

/// Samples of a micro-batch of a module with stages or a whole model: the first size of its
/// inputs; 0 if none has one.
int samplesOf(mlir::ModuleOp module);

/// Leaves out of these sizes what lies in messages, and says how long stages read those, for
/// schedule::messageMemory to count them.
void leaveOutMessages(mlir::ModuleOp module, schedule::Costs &costs);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_PLANNING_COSTS_H
