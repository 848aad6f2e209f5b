//===- Checkpoint.h - Parameters in and out of the devices ----------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_CHECKPOINT_H
#define BITPIPE_RUNTIME_TRAIN_CHECKPOINT_H

#include "lib/Runtime/Execute/Executor.h"

namespace bitpipe {

/// Fills every device's parameters and constants from the weights of the plan.
void loadWeights(const Program &program, Executor &executor);

/// Fills all parameters, trained or not, from a checkpoint: one that was saved
/// here, or one of another program with the same names. Any float type will do,
/// one alias of a tied parameter, several files with an index, and a prefix that
/// all names have or lack. Throws a UserError if a parameter is missing; says
/// what it ignores.
void loadParameters(const Program &program, Executor &executor,
                    const std::string &path);

/// Writes every parameter, trained or not, under all its names, in the type
/// that the model's file has it in.
void saveParameters(const Program &program, Executor &executor,
                    const std::string &path);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_CHECKPOINT_H
