//===- ZeroBubbleH.cpp - One straight pipe with split backwards ------------===//
//
// Qi, Wan, Huang, Lin, "Zero Bubble Pipeline Parallelism", 2023. 1F1B whose
// weight gradients are put off into the time in which a device would wait. H1
// keeps 1F1B's memory, D activations; H2 nearly twice that, so that no device
// waits between its first and its last action. D = 2, N = 3, H1:
//
//   0F0,0F1,0I0,0W0,0F2,0I1,0W1,0I2,0W2
//   1F0,1I0,1F1,1I1,1W0,1F2,1I2,1W1,1W2
//
// H1's weight gradients come as many backwards late as the rank; H2's order is
// made by the scheduler.
//
// Idle D-1 of the whole iteration: the last device cannot start earlier.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Families/Shared/Straight.h"
#include "lib/Transforms/Schedule/Families/Shared/TakeTurns.h"

using namespace bitpipe::schedule;

static ErrorOr<Ordered> h1(const Request &request, const Placement &) {
  return everyRank(request.devices, [&](int stage) {
    return takeTurns(ascending(Kind::F, stage, request.microbatches),
                     ascending(Kind::I, stage, request.microbatches),
                     request.devices - 1 - stage, stage);
  });
}

static ErrorOr<Ordered> h2(const Request &request, const Placement &placement) {
  return search(problemFor(request, placement, 2 * request.devices - 1, true), request);
}

std::vector<Family> bitpipe::schedule::file::ZeroBubbleH() {
  return {{"zb-h1", "1F1B, split backward, same memory", 1, placeStraight, h1},
          {"zb-h2", "1F1B, split backward, twice the memory", 1, placeStraight, h2}};
}
