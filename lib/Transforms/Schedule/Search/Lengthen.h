//===- Lengthen.h - Orders of few micro-batches for many ---------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_LENGTHEN_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_LENGTHEN_H

#include "lib/Transforms/Schedule/Search/Problem.h"

namespace bitpipe::schedule {

/// The problem without `fewer` micro-batches of each route.
Problem withFewer(const Problem &problem, size_t fewer);

/// An order of `few`, which is the problem with fewer micro-batches, has the same fill and
/// drain as one of all, and a search improves it much faster. Returns it with what it does
/// with D/2 micro-batches of each route, somewhere between fill and drain, done again and again
/// until all have passed; nothing if it does not repeat itself anywhere.
std::optional<Order> lengthen(const Problem &problem, const Problem &few, const Order &order);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_LENGTHEN_H
