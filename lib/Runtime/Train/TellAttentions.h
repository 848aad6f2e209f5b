//===- TellAttentions.h - What computes attentions, at the start --------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_TELLATTENTIONS_H
#define BITPIPE_RUNTIME_TRAIN_TELLATTENTIONS_H

#include "lib/Runtime/CUDA/AttentionCounts.h"
#include "lib/Runtime/Launch/World.h"

#include <optional>

namespace bitpipe {

/// Rank 0 says, in one line for all ranks, by what the attentions of a step run, if there are
/// any on GPUs. All ranks call it or none.
void tellAttentions(const std::optional<AttentionCounts> &mine, World &world);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_TELLATTENTIONS_H
