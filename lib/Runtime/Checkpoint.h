//===- Checkpoint.h - Parameters in and out of the devices ------------------===//

#ifndef BITPIPE_RUNTIME_CHECKPOINT_H
#define BITPIPE_RUNTIME_CHECKPOINT_H

#include "lib/Runtime/Executor.h"

namespace bitpipe {

/// Fills every device's parameters from a safetensors file. With
/// `trainableOnly` constants are left alone, since a saved model lacks them.
void loadParameters(const Program &program, Executor &executor,
                    const std::string &path, bool trainableOnly);

/// Writes every trainable parameter once, under its name in the model.
void saveParameters(const Program &program, Executor &executor,
                    const std::string &path);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CHECKPOINT_H
