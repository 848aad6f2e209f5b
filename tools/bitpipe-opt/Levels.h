//===- Levels.h - How far a module has come --------------------------------===//

#ifndef BITPIPE_TOOLS_BITPIPE_OPT_LEVELS_H
#define BITPIPE_TOOLS_BITPIPE_OPT_LEVELS_H

#include "tools/bitpipe-opt/Options.h"

#include "mlir/IR/BuiltinOps.h"

namespace bitpipe {

/// How far a module has come: the last level it holds.
enum class Level { Nodes, Graph, Loss, Stages, Plan, Program };

Level levelOf(mlir::ModuleOp module);

/// What the stages of a module compute in: f32 or bf16.
std::string precisionOf(mlir::ModuleOp module);

/// The level that has to be reached for what is asked.
Level levelFor(Emit emit);

/// Refuses what cannot be asked of a module that was given back: an earlier level
/// than it holds, and options for what is done already, unless they say what the
/// module says.
mlir::LogicalResult checkAgainst(const Options &options, mlir::ModuleOp module);

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_OPT_LEVELS_H
