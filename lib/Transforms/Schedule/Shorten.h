//===- Shorten.h - The same problem with fewer micro-batches -----*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SHORTEN_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SHORTEN_H

#include "lib/Transforms/Schedule/Problem.h"

namespace bitpipe::schedule {

/// With about `count` micro-batches, in the shares of the routes.
Problem shorten(const Problem &problem, size_t count);

/// Without as many whole cycles of `cycle` micro-batches of each route as leave
/// `least` micro-batches in all.
Problem withoutCycles(const Problem &problem, size_t cycle, size_t least);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SHORTEN_H
