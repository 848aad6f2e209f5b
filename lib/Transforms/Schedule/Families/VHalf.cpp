//===- VHalf.cpp - One V in a half or a third of the memory ---------------===//
//
// Qi, Wan, Amar, Lin, "Pipeline Parallelism with Controllable Memory", 2024:
// what a device does for one micro-batch is a block of six units, repeated
// every six, and how long activations live in it decides how many there are.
// The blocks here are our own. V-half, D = 2, N = 3:
//
//   0F0,0F1,0F2,3F0,3I0,3W0,3F1,0I0,0W0,3I1,3F2,3W1,0I1,3I2,0W1,3W2,0I2,0W2
//   1F0,2F0,1F1,2F1,2I0,1I0,2W0,1F2,1W0,2F2,2I1,1I1,2W1,1W1,2I2,1I2,2W2,1W2
//
// Weight gradients take the two units that are left. The times for which the
// activations of a device's two stages live add up to the same on all devices:
// for V-half 6D plus little, so D+2 live at once, for V-min 4D, so 2D/3 and a
// few. V-half idles 3D-5 for N from 3D/4+1 on, where 3D-7 is a bound in this
// memory; V-min idles 4D-5, and two more where three divides D.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Families/Shared/OneV.h"
#include "lib/Transforms/Schedule/Families/Shared/TakeTurns.h"

#include <algorithm>
#include <cmath>

using namespace bitpipe::schedule;

/// 1.5 units per device, 1 and 2 in turn. The four starts differ modulo six:
/// modulo three, both `low` and -`high` are 0 on even ranks and 1 on odd ones,
/// so what is added to them tells, 0, 2, 0 and 1; and the two zeros are an odd
/// multiple of three apart, for which input gradients wait if D is even.
static VTimes halfBlock(int devices, int rank, int microbatch) {
  int low = 3 * rank / 2, high = (3 * rank + 1) / 2; // 3r/2 rounded
  int wait = devices % 2 == 0 ? 3 : 0, start = 6 * microbatch;
  return {start + low, start + 3 * devices - 1 - high,
          start + 3 * devices + wait + low,
          start + 6 * devices - 2 + wait - high};
}

/// Nothing comes after the last micro-batch, so it takes one unit per device
/// from its turn on the last device on. Those before it are four units apart
/// each: two input and two weight gradients. For even D input gradients come
/// two units later, as they would be at the units of forwards. Saves D/2.
static VTimes halfDrain(int devices, int rank, int count, int microbatch) {
  int wait = devices % 2 == 0 ? 2 : 0, hops = devices - 1 - rank;
  int turn = 6 * (count - 1) + 3 * devices / 2;
  int start = turn - 4 * (count - 1 - microbatch);
  return {start - 1 - hops, start + hops, start + devices + wait + rank,
          start + 2 * devices + wait + hops};
}

static VTimes earlier(const VTimes &one, const VTimes &other) {
  return {std::min(one.downForward, other.downForward),
          std::min(one.upForward, other.upForward),
          std::min(one.upInput, other.upInput),
          std::min(one.downInput, other.downInput)};
}

/// Forwards that the block puts before the first input gradient of their stage
/// come as early as they can: the memory is free until then. Saves two units
/// for even D, one for odd. Few micro-batches fit all at once.
static std::vector<Action> halfList(int devices, int rank, int count) {
  if (2 * count <= devices + 2)
    return shortList(devices, rank, count);
  VTimes first = halfBlock(devices, rank, 0);
  std::vector<VTimes> times;
  for (int m = 0; m < count; ++m) {
    VTimes block = halfBlock(devices, rank, m);
    VTimes fill = withoutWaiting(devices, rank, m);
    VTimes drain = halfDrain(devices, rank, count, m);
    if (block.downForward < first.downInput)
      block.downForward = fill.downForward;
    if (block.upForward < first.upInput)
      block.upForward = fill.upForward;
    times.push_back(earlier(block, drain));
  }
  return listByTime(devices, rank, times);
}

/// One unit per device. Modulo six, the first and third start differ from the
/// others in parity, and from each other unless six divides 2D; then input
/// gradients wait.
static VTimes thirdBlock(int devices, int rank, int microbatch) {
  int wait = 2 * devices % 6 == 0 ? 2 : 0, start = 6 * microbatch;
  return {start + rank, start + 2 * devices - 1 - rank,
          start + 2 * devices + wait + rank,
          start + 4 * devices - 1 + wait - rank};
}

static std::vector<Action> thirdList(int devices, int rank, int count) {
  std::vector<VTimes> times;
  for (int m = 0; m < count; ++m)
    times.push_back(thirdBlock(devices, rank, m));
  return listByTime(devices, rank, times);
}

static Order everyRank(const Request &request,
                       std::vector<Action> (*list)(int, int, int)) {
  return everyRank(request.devices, [&](int rank) {
    return list(request.devices, rank, request.microbatches);
  });
}

static ErrorOr<Ordered> third(const Request &request, const Placement &) {
  return everyRank(request, thirdList);
}

/// Whether an order takes as long as with runs of equal length and free
/// messages, which the blocks are made for.
static bool meetsTimes(const Problem &problem, const Order &order) {
  Problem plain{problem.placement, {}, {}, true};
  double unit = problem.costs.time({Kind::F, false, 0, 0});
  double expected = unit * makespanOf(plain, order);
  return std::abs(makespanOf(problem, order) - expected) <= 1e-9 * expected;
}

/// V-half's own order. With other costs or memory than it is made for, or time
/// to search, the best of it, V-min's, and the scheduler's.
static ErrorOr<Ordered> half(const Request &request, const Placement &placement) {
  Problem problem = problemFor(request, placement, request.devices + 2, true);
  Order own = everyRank(request, halfList);
  if (request.memory == 0 && request.effort <= 1 &&
      meetsTimes(problem, own) && !problem.verify(own))
    return own;
  ErrorOr<Ordered> best = search(problem, request);
  if (!best)
    return best;
  for (const Order &order : {everyRank(request, thirdList), own})
    if (!problem.verify(order) &&
        makespanOf(problem, order) <= makespanOf(problem, best->order))
      best = Ordered(order);
  return best;
}

std::vector<Family> bitpipe::schedule::file::VHalf() {
  return {{"v-half", "one V, split backward, half the activations", 2,
           placeOneV, half},
          {"v-min", "one V, split backward, a third of the activations", 2,
           placeOneV, third}};
}
