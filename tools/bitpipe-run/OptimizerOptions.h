//===- OptimizerOptions.h - How parameters are updated ----------------------===//

#ifndef BITPIPE_TOOLS_BITPIPE_RUN_OPTIMIZEROPTIONS_H
#define BITPIPE_TOOLS_BITPIPE_RUN_OPTIMIZEROPTIONS_H

#include "lib/Runtime/Train/Train.h"

namespace bitpipe {

/// Reads the optimizer's settings, clipping and the learning rate's schedule, which depends
/// on how many steps there are. Throws a UsageError that names an option.
void readOptimizer(TrainOptions &options);

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_RUN_OPTIMIZEROPTIONS_H
