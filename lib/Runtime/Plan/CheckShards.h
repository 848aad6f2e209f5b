//===- CheckShards.h - What devices share out among themselves --------------===//

#ifndef BITPIPE_RUNTIME_PLAN_CHECKSHARDS_H
#define BITPIPE_RUNTIME_PLAN_CHECKSHARDS_H

#include "lib/Runtime/Plan/Program.h"

namespace bitpipe {

/// Throws a UserError unless every sum comes before the gradient norm, the sums, steps and
/// gathers of slices fit together, and the norm counts the gradients of every group once.
/// The devices must have passed checkDevice.
void checkShards(const Program &program);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_CHECKSHARDS_H
