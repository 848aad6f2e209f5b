//===- Costs.h - Where the costs of a schedule come from ---------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_PLANNING_COSTS_H
#define BITPIPE_TRANSFORMS_PLANNING_COSTS_H

#include "lib/Transforms/Schedule/Costs.h"

#include "mlir/IR/BuiltinOps.h"

namespace bitpipe {

/// Costs from `text` (see schedule::parseCosts) if there is one, else from the
/// file if one is named, else from the operation counts of the module's stages,
/// where the mean forward takes 1; if there are none, all times are 1.
schedule::ErrorOr<schedule::Costs> findCosts(llvm::StringRef text,
                                             llvm::StringRef file, int devices,
                                             mlir::ModuleOp module);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_PLANNING_COSTS_H
