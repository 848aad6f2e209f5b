//===- Driver.h - From a model to a plan -----------------------------------===//

#ifndef BITPIPE_TOOLS_BITPIPE_OPT_DRIVER_H
#define BITPIPE_TOOLS_BITPIPE_OPT_DRIVER_H

#include "tools/bitpipe-opt/Options.h"

#include "mlir/IR/Dialect.h"

namespace bitpipe {

/// Compiles as the options say: reads the input, runs the phases it has not
/// been through yet, and writes the plan with its files or the one thing asked
/// for. Returns the exit code; an error has been printed when it is not 0, and
/// no file has been touched.
int compile(const Options &options, const mlir::DialectRegistry &registry);

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_OPT_DRIVER_H
