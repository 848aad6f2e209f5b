//===- Views.h - A schedule as CSV, picture, trace or table ----------------===//

#ifndef BITPIPE_TOOLS_BITPIPE_OPT_VIEWS_H
#define BITPIPE_TOOLS_BITPIPE_OPT_VIEWS_H

#include "lib/Transforms/Planning/Passes.h"
#include "lib/Transforms/Schedule/Schedule.h"
#include "tools/bitpipe-opt/Options.h"

#include "mlir/IR/BuiltinOps.h"

#include <optional>

namespace bitpipe {

/// The schedule that is asked for by name or file; an error at the context and
/// nothing if there is none.
std::optional<schedule::Schedule> makeSchedule(const Options &options,
                                               mlir::MLIRContext *context);

/// The same request for the planning phase.
PlanningOptions planningOptions(const Options &options);

/// Prints the table of --compare.
mlir::LogicalResult printComparison(const Options &options,
                                    mlir::MLIRContext *context,
                                    llvm::raw_ostream &out);

/// Prints a schedule in the form asked for. Times come from --cost, else from
/// the stages of the module if there is one, else F = I = W = 1.
mlir::LogicalResult printView(const Options &options,
                              const schedule::Schedule &schedule,
                              mlir::ModuleOp module, mlir::MLIRContext *context,
                              llvm::raw_ostream &out);

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_OPT_VIEWS_H
