//===- EarlyForwarding.h - BitPipe's groups, without a gap -------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_EARLYFORWARDING_H
#define BITPIPE_TRANSFORMS_SCHEDULE_EARLYFORWARDING_H

#include "lib/Transforms/Schedule/Justify.h"

namespace bitpipe::schedule {

/// Orders whose groups of micro-batches overlap (GroupWave.h), for any number of
/// them. What D does not divide goes to groups that are not full; which, is
/// searched: mostly the last but one, or the two before the last, leave no gap at
/// once. Makes about `tries` orders, fewer if one meets the lower bound, or if
/// none of the first comes near. Only for problems that have groups.
Found forwardEarly(const Problem &problem, size_t tries,
                   std::mt19937_64 &random);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_EARLYFORWARDING_H
