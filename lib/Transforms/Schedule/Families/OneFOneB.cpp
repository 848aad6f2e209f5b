//===- OneFOneB.cpp - One forward, one backward ----------------------------===//
//
// Narayanan et al., PipeDream-Flush, 2020; Fan et al., DAPPLE, 2021. A device
// backs a micro-batch as soon as it can, so rank r holds D-r activations at
// most. D = 3, N = 4:
//
//   0F0,0F1,0F2,0B0,0F3,0B1,0B2,0B3
//   1F0,1F1,1B0,1F2,1B1,1F3,1B2,1B3
//   2F0,2B0,2F1,2B1,2F2,2B2,2F3,2B3
//
// Idle (D-1)(f+b) on every device, as GPipe.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Families/Shared/Straight.h"
#include "lib/Transforms/Schedule/Families/Shared/TakeTurns.h"

using namespace bitpipe::schedule;

static ErrorOr<Placement> place(const Request &request) {
  return placeStraight(request, "more is 'interleaved'");
}

static ErrorOr<Ordered> order(const Request &request, const Placement &) {
  return everyRank(request.devices, [&](int stage) {
    return takeTurns(ascending(Kind::F, stage, request.microbatches),
                     ascending(Kind::B, stage, request.microbatches),
                     request.devices - 1 - stage);
  });
}

std::vector<Family> bitpipe::schedule::file::OneFOneB() {
  return {{"1f1b", "one forward, one backward", 1, place, order}};
}
