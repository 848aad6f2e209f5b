//===- ZeroBubbleV.cpp - One V with split backwards ------------------------===//
//
// Qi, Wan, Huang, Lin, "Zero Bubble Pipeline Parallelism", 2023 (ZB-V); Qi et
// al., "Pipeline Parallelism with Controllable Memory", 2024 (V-half, V-min).
// Device r holds stages r and 2D-1-r; weight gradients fill what waiting
// leaves. ZB-V, D = 2, N = 3:
//
//   0F0,0F1,0F2,3F0,3I0,3W0,3F1,3I1,3W1,0I0,0W0,3F2,3I2,3W2,0I1,0W1,0I2,0W2
//   1F0,2F0,1F1,2F1,2I0,2W0,1F2,1I0,1W0,2F2,2I1,2W1,1I1,2I2,1I2,1W1,2W2,1W2
//
// Idle D-1 of these half stages, all of it filling, in the memory of 1F1B: 2D
// activations of a half stage. V-half and V-min give up time for one half and
// one third of that; V-half's order is made by the scheduler.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Registry.h"
#include "lib/Transforms/Schedule/Routes.h"
#include "lib/Transforms/Schedule/Simulate.h"
#include "lib/Transforms/Schedule/Solve.h"

#include <algorithm>
#include <deque>

using namespace bitpipe::schedule;

static ErrorOr<Placement> place(const Request &request) {
  if (request.chunks != 2)
    return Error{std::to_string(request.chunks) + " chunks, expected 2"};
  return oneWay(request.devices, request.microbatches,
                wave(request.devices, 2));
}

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

static ErrorOr<Order> order(const Request &request, const Placement &) {
  Order result;
  for (int rank = 0; rank < request.devices; ++rank)
    result.push_back(
        zeroBubbleV(request.devices, rank, request.microbatches));
  return result;
}

/// V-min: every micro-batch runs down, up, and the same way back without a
/// stop, one after the other at intervals of six, in which a device has six
/// things to do. With r the rank, they start at r, 2D-1-r, 2D+y+r and 4D+y-1-r:
/// the first and third differ from the others in parity, and from each other
/// unless six divides 2D, where y = 2 puts them apart. Weight gradients take
/// the two places left over.
static std::vector<Action> withoutStop(int devices, int rank, int count) {
  int wait = 2 * devices % 6 == 0 ? 2 : 0;
  int down = rank, up = 2 * devices - 1 - rank;
  const std::pair<int, Action> steps[] = {
      {rank, {Kind::F, false, down, 0}},
      {2 * devices - 1 - rank, {Kind::F, false, up, 0}},
      {2 * devices + wait + rank, {Kind::I, false, up, 0}},
      {4 * devices + wait - 1 - rank, {Kind::I, false, down, 0}}};
  std::vector<Action> starts; // by time
  std::vector<bool> used(6 * count + 4 * devices + 3);
  starts.resize(used.size());
  for (int m = 0; m < count; ++m)
    for (auto [time, action] : steps) {
      action.microbatch = m;
      starts[6 * m + time] = action;
      used[6 * m + time] = true;
    }
  std::vector<Action> list;
  std::deque<Action> waiting;
  auto weight = [&] {
    list.push_back(waiting.front());
    list.back().kind = Kind::W;
    waiting.pop_front();
  };
  for (size_t time = 0; time < used.size(); ++time) {
    if (used[time]) {
      list.push_back(starts[time]);
      if (list.back().kind == Kind::I)
        waiting.push_back(list.back());
    } else if (!waiting.empty()) {
      weight();
    }
  }
  while (!waiting.empty())
    weight();
  return list;
}

static ErrorOr<Order> third(const Request &request, const Placement &) {
  Order result;
  for (int rank = 0; rank < request.devices; ++rank)
    result.push_back(
        withoutStop(request.devices, rank, request.microbatches));
  return result;
}

/// The better of V-min's order and the scheduler's in half the memory.
static ErrorOr<Order> half(const Request &request, const Placement &placement) {
  Problem problem = problemFor(request, placement, request.devices + 2, true);
  ErrorOr<Order> found = solve(problem, request.seconds);
  ErrorOr<Order> small = third(request, placement);
  if (!found || problem.verify(*small))
    return found;
  auto first = simulate(placement, *found, request.costs);
  auto second = simulate(placement, *small, request.costs);
  return first->makespan <= second->makespan ? found : small;
}

std::vector<Family> bitpipe::schedule::file::ZeroBubbleV() {
  return {{"zb-v", "one V, split backward", 2, place, order},
          {"v-half", "one V, split backward, half the activations", 2, place,
           half},
          {"v-min", "one V, split backward, a third of the activations", 2,
           place, third}};
}
