//===- Lengthen.h - Orders of few micro-batches for many ---------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_LENGTHEN_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_LENGTHEN_H

#include "lib/Transforms/Schedule/Search/Tasks.h"

namespace bitpipe::schedule {

/// The problem without `fewer` micro-batches of each route.
Problem withFewer(const Problem &problem, size_t fewer);

/// Where an order of many micro-batches repeats itself between fill and drain, one of
/// few has the same fill and drain, which a search improves much faster. `plain` is the
/// order of all micro-batches, `fewPlain` that of `few` and `better` what the search has
/// made of that. Returns `better` with the middle of `plain` between its fill and its
/// drain; nothing if these two are not to be told apart, or if that does not solve the
/// problem.
std::optional<Order> lengthen(const Problem &problem, const Order &plain,
                              const Problem &few, const Order &fewPlain,
                              const Order &better);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_LENGTHEN_H
