//===- BreedWaves.h - Better waves by small changes --------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_BREEDWAVES_H
#define BITPIPE_TRANSFORMS_SCHEDULE_BREEDWAVES_H

#include "lib/Transforms/Schedule/Justify.h"

namespace bitpipe::schedule {

/// Where memory is so short that few waves lead to a good order, their shapes
/// are searched: first drawn, then changed a little from the best that are
/// known, each scheduled to and fro for a while. Makes about `tries` orders, or
/// fewer if one meets the lower bound.
Found breedWaves(const Problem &problem, size_t tries, std::mt19937_64 &random);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_BREEDWAVES_H
