//===- TellLibraries.h - What computes what libraries can, at the start --------===//

#ifndef BITPIPE_RUNTIME_TRAIN_TELLLIBRARIES_H
#define BITPIPE_RUNTIME_TRAIN_TELLLIBRARIES_H

#include "lib/Runtime/CUDA/LibraryCounts.h"
#include "lib/Runtime/Launch/World.h"

#include <optional>

namespace bitpipe {

/// Rank 0 says, in a line each for all ranks, by what the attentions of a step run and its bias
/// gradients, if there are any on GPUs. All ranks call it or none.
void tellLibraries(const std::optional<LibraryCounts> &mine, World &world);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_TELLLIBRARIES_H
