//===- Views.h - A schedule as CSV, picture, trace or table ----------------===//

#ifndef BITPIPE_TOOLS_BITPIPE_OPT_VIEWS_H
#define BITPIPE_TOOLS_BITPIPE_OPT_VIEWS_H

#include "lib/Transforms/Planning/Passes.h"
#include "lib/Transforms/Schedule/Families/Shared/Registry.h"
#include "tools/bitpipe-opt/Options.h"

#include "mlir/IR/BuiltinOps.h"

#include <optional>

namespace bitpipe {

/// How many stages the schedule that is asked for has; an error at the context
/// and nothing if there is no such schedule.
std::optional<int> stageCount(const Options &options, mlir::MLIRContext *context);

/// The request that the options make of the families.
schedule::Request requestFor(const Options &options, schedule::Costs costs = {});

/// The same request for the planning phase.
PlanningOptions planningOptions(const Options &options);

/// Prints the schedule that is asked for, or that of the module's plan if it has
/// one, in the form asked for. Times come from
/// --cost or --cost-file, else from the stages or the plan of the module if there is one,
/// else they are F = I = W = 1.
mlir::LogicalResult printView(const Options &options, mlir::ModuleOp module,
                              mlir::MLIRContext *context,
                              llvm::raw_ostream &out);

/// Prints what the stages of the module cost, as a file for --cost-file.
mlir::LogicalResult printCosts(const Options &options, mlir::ModuleOp module,
                               llvm::raw_ostream &out);

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_OPT_VIEWS_H
