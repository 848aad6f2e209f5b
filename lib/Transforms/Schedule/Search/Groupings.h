//===- Groupings.h - BitPipe's groups, without a gap ------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_GROUPINGS_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_GROUPINGS_H

#include "lib/Transforms/Schedule/Search/GroupWave.h"

#include <random>

namespace bitpipe::schedule {

/// Groups of micro-batches that overlap (GroupWave.h), for any number of them. What D
/// does not divide goes to groups that are not full. Only for problems that have groups.
class Groupings {
public:
  explicit Groupings(const Problem &problem);

  /// As many full groups as possible, and what is missing in the last but one.
  Groups plain() const;
  /// Others, drawn.
  Groups draw(std::mt19937_64 &random) const;
  /// Groups of the same sizes with a little other speeds.
  Groups drawNear(Groups groups, std::mt19937_64 &random) const;

private:
  Groups equalMiddle(std::mt19937_64 &random) const;
  void drawSpeeds(Groups &groups, std::mt19937_64 &random) const;

  const int half;
  std::array<int, 2> microbatches;
  /// Groups, if as many as possible are full.
  const int fewest;
  const bool isOdd;
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_GROUPINGS_H
