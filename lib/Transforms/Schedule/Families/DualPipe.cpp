//===- DualPipe.cpp - Forward and backward of different micro-batches at once ===//
//
// DeepSeek-AI, "DeepSeek-V3 Technical Report", 2024. Every device takes part in
// two passes: micro-batches that enter the pipeline on its side (0) and those
// that come from the other side (1). DualPipe sends them along two opposite
// straight routes; DualPipeV folds the pipe in half, so that 1 is the way back
// of the same micro-batches on one V. The eight steps are the same. DualPipeV,
// D = 1, N = 3 (pairs in brackets overlap):
//
//   0F0,1F0,0F1,1B0,(1F1;0B0)OVERLAP_F_B,(0F2;1B1)OVERLAP_F_B,
//   (1F2;0B1)OVERLAP_F_B,1B2,0I2,0W2
//
// The steps need an even number of devices and at least D micro-batches on
// either side. Elsewhere the scheduler orders the two opposite routes, in as many
// activations and without pairs.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Core/Routes.h"
#include "lib/Transforms/Schedule/Families/Shared/OneV.h"
#include "lib/Transforms/Schedule/Families/Shared/Straight.h"
#include "lib/Transforms/Schedule/Families/Shared/TakeTurns.h"

#include <deque>

using namespace bitpipe::schedule;

namespace {
/// A device's list as it grows: the two passes, each with its stage and next
/// micro-batches.
class List {
public:
  List(int stage0, int first0, int stage1, int first1)
      : stage{stage0, stage1}, nextF{first0, first1}, nextB{first0, first1} {}

  void forward(int pass) { push(Kind::F, pass, nextF[pass]++); }
  void backward(int pass, bool split = false) {
    if (split)
      waiting.push_back({Kind::W, false, stage[pass], nextB[pass]});
    push(split ? Kind::I : Kind::B, pass, nextB[pass]++);
  }
  void weight() {
    actions.push_back(waiting.front());
    waiting.pop_front();
  }
  void both(int forwardPass, int backwardPass) {
    forward(forwardPass);
    actions.back().overlapsNext = true;
    backward(backwardPass);
  }

  std::vector<Action> actions;

private:
  void push(Kind kind, int pass, int microbatch) {
    actions.push_back({kind, false, stage[pass], microbatch});
  }

  int stage[2], nextF[2], nextB[2];
  std::deque<Action> waiting;
};
} // namespace

/// `depth` devices lie between the entry and the innermost one, `rank` of them
/// before this one; `count` micro-batches enter on each side.
static void eightSteps(List &list, int depth, int rank, int count) {
  int inside = depth - 1 - rank;
  for (int i = 0; i < 2 * inside; ++i) // 1
    list.forward(0);
  for (int i = 0; i < rank + 1; ++i) { // 2
    list.forward(0);
    list.forward(1);
  }
  for (int i = 0; i < inside; ++i) { // 3
    list.backward(1, true);
    list.weight();
    list.forward(1);
  }
  for (int i = 0; i < count - 2 * depth + rank + 1; ++i) { // 4
    if (i == 0 && inside == 0) {
      // The innermost device has just run the forward this backward needs.
      list.forward(0);
      list.backward(1);
    } else {
      list.both(0, 1);
    }
    list.both(1, 0);
  }
  for (int i = 0; i < inside; ++i) { // 5
    list.backward(1);
    list.both(1, 0);
  }
  // From the middle of step 6 on, weight gradients are put off.
  for (int i = 0; i < 2 * (rank + 1); ++i) // 6
    list.backward(i % 2 ? 0 : 1, i > rank);
  for (int i = 0; i < inside; ++i) { // 7
    list.weight();
    list.backward(0, true);
  }
  for (int i = 0; i < rank + 1; ++i) // 8
    list.weight();
}

static bool hasEightSteps(const Request &request) {
  return request.devices % 2 == 0 && request.microbatches % 2 == 0 &&
         request.microbatches >= 2 * request.devices && !needsHalves(request);
}

static ErrorOr<Placement> placeDual(const Request &request) {
  int count = request.microbatches;
  if (request.chunks == 1 && hasEightSteps(request))
    return twoWays(request.devices, count, loop(request.devices, 1), count, count / 2);
  return placeTwoStraight(request, "more is 'bitpipe-zb'");
}

static ErrorOr<Ordered> orderDual(const Request &request,
                                const Placement &placement) {
  int devices = request.devices, half = request.microbatches / 2;
  if (!hasEightSteps(request))
    return search(problemFor(request, placement, devices + 1, true), request);
  return everyRank(devices, [&](int rank) {
    bool lower = rank < devices / 2;
    int stage = lower ? rank : devices - 1 - rank;
    List list(stage, lower ? 0 : half, devices - 1 - stage, lower ? half : 0);
    eightSteps(list, devices / 2, stage, half);
    return list.actions;
  });
}

static ErrorOr<Placement> placeV(const Request &request) {
  int count = request.microbatches, fewest = 2 * request.devices;
  if (count < fewest)
    return Error{std::to_string(count) + " micro-batches, expected at least " +
                 std::to_string(fewest)};
  return placeOneV(request);
}

static ErrorOr<Ordered> orderV(const Request &request, const Placement &) {
  return everyRank(request.devices, [&](int rank) {
    List list(rank, 0, 2 * request.devices - 1 - rank, 0);
    eightSteps(list, request.devices, rank, request.microbatches);
    return list.actions;
  });
}

std::vector<Family> bitpipe::schedule::file::DualPipe() {
  return {{"dualpipe", "two opposite straight pipes, overlapped pairs", 1,
           placeDual, orderDual, true},
          {"dualpipev", "one V, overlapped pairs", 2, placeV, orderV}};
}
