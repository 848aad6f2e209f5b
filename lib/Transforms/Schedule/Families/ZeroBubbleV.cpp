//===- ZeroBubbleV.cpp - One V with split backwards ------------------------===//
//
// Qi, Wan, Huang, Lin, "Zero Bubble Pipeline Parallelism", 2023 (ZB-V). Device r
// holds stages r and 2D-1-r; weight gradients fill what waiting leaves. D = 2,
// N = 3:
//
//   0F0,0F1,0F2,3F0,3I0,3W0,3F1,3I1,3W1,0I0,0W0,3F2,3I2,3W2,0I1,0W1,0I2,0W2
//   1F0,2F0,1F1,2F1,2I0,2W0,1F2,1I0,1W0,2F2,2I1,2W1,1I1,2I2,1I2,1W1,2W2,1W2
//
// Idle D-1 of these half stages, all of it filling, in the memory of 1F1B: 2D
// activations of a half stage. Up to N = D all micro-batches fit, and none need
// wait; for N up to 1.5D the scheduler orders the same route in the same memory.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Families/Shared/OneV.h"
#include "lib/Transforms/Schedule/Families/Shared/TakeTurns.h"

#include <algorithm>

using namespace bitpipe::schedule;

namespace {
/// One device's list. `down` and `up` are its two stages.
struct List {
  int down, up, microbatches;
  std::vector<Action> actions;
  int downF = 0, upF = 0, downI = 0, upI = 0, downW = 0, upW = 0;

  void add(Kind kind, int stage, int &next) {
    // Short batches are the head of long ones.
    if (next < microbatches)
      actions.push_back({kind, false, stage, next});
    ++next;
  }
  void forwardDown() { add(Kind::F, down, downF); }
  void forwardUp() { add(Kind::F, up, upF); }
  void inputDown() { add(Kind::I, down, downI); }
  void inputUp() { add(Kind::I, up, upI); }
  void weightDown() { add(Kind::W, down, downW); }
  void weightUp() { add(Kind::W, up, upW); }
};
} // namespace

static std::vector<Action> zeroBubbleV(int devices, int rank, int count) {
  int enough = std::max(2 * devices - 1, count);
  List list{rank, 2 * devices - 1 - rank, count, {}};
  // Fill: the first micro-batches come down, turn, and go up again.
  for (int i = 0; i < 2 * (devices - rank) - 1; ++i)
    list.forwardDown();
  for (int i = 0; i < rank; ++i) {
    list.forwardUp();
    list.forwardDown();
  }
  for (int i = 0; i < devices - rank; ++i) {
    list.forwardUp();
    list.inputUp();
    list.weightUp();
  }
  // Steady: everything of both stages in turn.
  while (list.upF < list.downF || list.downF < enough) {
    if (list.downF < enough)
      list.forwardDown();
    list.inputDown();
    list.weightDown();
    list.forwardUp();
    list.inputUp();
    list.weightUp();
  }
  // Drain: input gradients first, as others wait for them.
  for (int i = 0; i < rank; ++i) {
    list.inputDown();
    list.inputUp();
  }
  for (int i = 0; i < devices - rank; ++i) {
    list.inputDown();
    list.weightDown();
  }
  while (list.upW < list.upI)
    list.weightUp();
  while (list.downW < list.downI)
    list.weightDown();
  return list.actions;
}

/// Up to D micro-batches none waits; from 1.5D on the published order idles D-1. In
/// between that is cut off before its drain, and the scheduler does better.
static ErrorOr<Ordered> order(const Request &request, const Placement &placement) {
  int devices = request.devices, count = request.microbatches;
  if (count > devices && 2 * count < 3 * devices)
    return search(problemFor(request, placement, 2 * devices, true), request);
  return everyRank(devices, [&](int rank) {
    return count <= devices ? shortList(devices, rank, count) : zeroBubbleV(devices, rank, count);
  });
}

std::vector<Family> bitpipe::schedule::file::ZeroBubbleV() {
  return {{"zb-v", "one V, split backward", 2, placeOneV, order}};
}
