//===- Exchanges.h - Who exchanges what in a collective ---------------------===//
//
// In a collective each member answers for one slice. All at once, each member gives all
// others what it adds to theirs, and each gives its sum to all others. With nodes of several
// members that sends the same slice out of a node, and into it, once for each of them. Within
// nodes first, a member of each node answers there for the slice of a member of another one:
//
//     nodes {0, 1} and {2, 3}: an all-reduce, its slices by the members that answer for them
//
//     phase 1, within nodes:   0 and 1 sum slices 0, 2 at 0 and slices 1, 3 at 1;
//                              2 and 3 sum slices 0, 2 at 2 and slices 1, 3 at 3
//     phase 2, between nodes:  0 and 2 sum slice 0 at 0 and 2 at 2, and give them to each other;
//                              1 and 3 sum slice 1 at 1 and 3 at 3, and give them to each other
//     phase 3, within nodes:   0 gives slices 0 and 2 to 1, 1 gives 1 and 3 to 0; so do 2 and 3
//
// A reduce-scatter ends with the sums of phase 2, an all-gather begins with what is given
// there. What a node of m of K members sends to others falls from 2m(K-m)/K of an
// all-reduce's elements to 2(K-m)/K.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_PLAN_EXCHANGES_H
#define BITPIPE_RUNTIME_PLAN_EXCHANGES_H

#include "lib/Runtime/Plan/Links.h"

namespace bitpipe {

/// What some devices of a collective sum or gather, all at once and in their order.
struct Exchange {
  Collective::Kind kind;
  std::vector<int64_t> devices;
  /// By these devices: the elements that each sums, or gives to the others, in pieces.
  std::vector<std::vector<Range>> pieces;
  /// Whether sums end, and gathers begin, where devices keep their slices; else all is in
  /// the slots of the collective.
  bool ofSlices;

  /// The number of devices where it is none of them.
  size_t indexOf(int64_t device) const;
};

/// Those that go on side by side. A device that is in several takes part in their order.
using Phase = std::vector<Exchange>;

/// The phases of a collective, each of which needs what the one before has made. A piece has
/// at most `most` elements.
std::vector<Phase> phasesOf(const CollectiveLink &link, int64_t most);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_EXCHANGES_H
