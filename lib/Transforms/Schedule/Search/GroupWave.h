//===- GroupWave.h - Groups of micro-batches on two opposite V ---*- C++ -*-===//
//
// BitPipe's early forwarding, as a timetable. Two streams of slots cross the
// devices, one up and one down, and every device takes a slot of one and of the
// other in turn. A slot carries a backward and a forward, so that both streams
// move on by one device while a slot is worked off, and no device waits. A
// micro-batch passes four slots, each D/2 or more after the one before: its
// first pass in a slot of the one stream, its second in one of the other, and
// its gradients likewise. Micro-batches come in groups of D/2 per direction,
// which fill the slots between each other without a gap:
//
//   slot       0        D/2       D       3D/2      2D      5D/2      3D
//   forwards   | 1st a  | 2nd a   | 1st b  | 2nd b  | 1st c  | 2nd c  |
//   backwards  |                  | 2nd a  | 1st a  | 2nd b  | 1st b  | ...
//
// So forwards are D slots ahead of backwards: 2D activations on every device.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_GROUPWAVE_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_GROUPWAVE_H

#include "lib/Transforms/Schedule/Search/Tasks.h"

#include <array>

namespace bitpipe::schedule {

/// The groups. One that is not full, of s micro-batches, has its second pass s
/// slots after its first, so its forwards overtake others on their way. Its
/// backwards come D/2 slots after one another all the same: only s of the group
/// before it have left when its own begin.
///
///   backwards  | 2nd a  | 1st of s of a | 2nd b | 1st of the rest of a, of b |
struct Groups {
  /// Micro-batches of each group, per direction: D/2 in the first group, no more
  /// in others.
  std::array<std::vector<int>, 2> sizes;
  /// How fast the first forwards of a group that is not full come to the middle
  /// devices, against those of a full one; and how far apart its forwards pass
  /// them the first and the second time.
  double approach = 1, firstSpread = 1, secondSpread = 1;
  /// By which share of what it is not full such a group comes earlier.
  double early = 0;
  /// How far forwards are behind the backward of their slot, up to the next slot
  /// of a device at 0.5.
  double behind = 0.25;
};

/// Whether the routes are two opposite V over an even number of devices, with
/// as many micro-batches or one more in one direction, more than D/2 in each,
/// and backwards are whole.
bool hasGroups(const Problem &problem);

/// The slot in which each action comes, as its priority. With full groups only
/// the actions of each device in this sequence are an order, which idles 2(D-2) at
/// f = 1, b = 2 and free messages; other groups are to be scheduled to and fro.
Priorities groupWave(const Problem &problem, const Groups &groups);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_GROUPWAVE_H
