//===- Load.h - Reads a plan ----------------------------------------------===//
//
// The only part of the runtime that knows MLIR: parses plan.mlir and turns it
// into the structures of Program.h.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_PLAN_LOAD_H
#define BITPIPE_RUNTIME_PLAN_LOAD_H

#include "lib/Runtime/Plan/Program.h"

namespace mlir {
class ModuleOp;
}

namespace bitpipe {

/// Reads the plan at a path. Throws a UserError if it is not a plan, or one of
/// another version.
Program loadProgram(const std::string &path);

/// The same of what is parsed already; `path` is where it lies, or would lie.
Program readProgram(mlir::ModuleOp module, const std::string &path);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_LOAD_H
