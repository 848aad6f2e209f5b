//===- Checkpoint.h - Parameters in and out of the devices ----------------===//

#ifndef BITPIPE_RUNTIME_CHECKPOINT_H
#define BITPIPE_RUNTIME_CHECKPOINT_H

#include "lib/Runtime/Executor.h"

namespace bitpipe {

/// Fills every device's parameters and constants from the weights of the plan.
void loadWeights(const Program &program, Executor &executor);

/// Fills every device's trainable parameters from a saved model, which holds no
/// constants.
void loadParameters(const Program &program, Executor &executor,
                    const std::string &path);

/// Writes every trainable parameter once, under its name in the model.
void saveParameters(const Program &program, Executor &executor,
                    const std::string &path);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CHECKPOINT_H
