//===- SourceFiles.h - Whether a text still belongs to its model -*- C++ -*-===//
//
// Texts of all levels point into the model's files, where parameters are read from
// when the plan's own files are made.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TOOLS_BITPIPE_OPT_SOURCEFILES_H
#define BITPIPE_TOOLS_BITPIPE_OPT_SOURCEFILES_H

#include "mlir/IR/BuiltinOps.h"

namespace bitpipe {

/// Writes into the module the hashes of the files that its parameters lie in, unless
/// they are there already.
mlir::LogicalResult noteSourceFiles(mlir::ModuleOp module);

/// Refuses a module with a file that is no longer as it was noted, and takes the
/// notes out of the others.
mlir::LogicalResult checkSourceFiles(mlir::ModuleOp module);

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_OPT_SOURCEFILES_H
