//===- GPipe.cpp - All forwards, then all backwards ------------------------===//
//
// Huang et al., "GPipe: Efficient Training of Giant Neural Networks using
// Pipeline Parallelism", 2018. D = 3, N = 2 (a backward takes two columns):
//
//   0F0,0F1,0B0,0B1
//   1F0,1F1,1B0,1B1
//   2F0,2F1,2B0,2B1
//
// Idle (D-1)(f+b) on every device; all N micro-batches are alive at once.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Families/Shared/Straight.h"
#include "lib/Transforms/Schedule/Families/Shared/TakeTurns.h"

using namespace bitpipe::schedule;

static ErrorOr<Ordered> order(const Request &request, const Placement &) {
  return everyRank(request.devices, [&](int stage) {
    return takeTurns(ascending(Kind::F, stage, request.microbatches),
                     ascending(Kind::B, stage, request.microbatches), request.microbatches);
  });
}

std::vector<Family> bitpipe::schedule::file::GPipe() {
  return {{"gpipe", "all forwards, then all backwards", 1, placeStraight, order}};
}
