//===- Options.h - The command line of the runtime -------------------------===//

#ifndef BITPIPE_TOOLS_BITPIPE_RUN_OPTIONS_H
#define BITPIPE_TOOLS_BITPIPE_RUN_OPTIONS_H

#include "lib/Runtime/Train/Train.h"

namespace bitpipe {

/// Reads the arguments. Throws a UsageError that names the option, what it is,
/// and what is expected; --help prints and exits.
TrainOptions parseOptions(int argc, char **argv);

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_RUN_OPTIONS_H
