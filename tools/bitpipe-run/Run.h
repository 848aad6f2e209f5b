//===- Run.h - A run, from its arguments to its exit code ---------------------===//

#ifndef BITPIPE_TOOLS_BITPIPE_RUN_RUN_H
#define BITPIPE_TOOLS_BITPIPE_RUN_RUN_H

namespace bitpipe::printed {
struct Table;
}

namespace bitpipe {

/// Reads the options and trains; --help lists the exit codes. In a program that
/// bitpipe-opt has printed of a plan, `printed` runs instead of the plan's lists; else it is
/// null.
int runTool(int argc, char **argv, const printed::Table *printed);

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_RUN_RUN_H
