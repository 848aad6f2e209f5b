//===- PassDriver.h - An ordinary MLIR opt driver --------------------------===//

#ifndef BITPIPE_TOOLS_BITPIPE_OPT_PASSDRIVER_H
#define BITPIPE_TOOLS_BITPIPE_OPT_PASSDRIVER_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace bitpipe {

/// Runs the passes that the arguments name on IR, as mlir-opt does; a file is
/// written as everywhere here. Returns the exit code.
int runPasses(int argc, char **argv, mlir::DialectRegistry &registry);

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_OPT_PASSDRIVER_H
