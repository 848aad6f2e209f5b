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

#include "lib/Transforms/Schedule/Core/Routes.h"
#include "lib/Transforms/Schedule/Families/Shared/Registry.h"
#include "lib/Transforms/Schedule/Families/Shared/TakeTurns.h"

#include <algorithm>

using namespace bitpipe::schedule;

static ErrorOr<Placement> place(const Request &request) {
  if (request.chunks != 1)
    return Error{std::to_string(request.chunks) +
                 " chunks, expected 1 (more is 'interleaved')"};
  return oneWay(request.devices, request.microbatches,
                loop(request.devices, 1));
}

static ErrorOr<Ordered> order(const Request &request, const Placement &) {
  Order result;
  for (int stage = 0; stage < request.devices; ++stage) {
    std::vector<Action> forwards, backwards;
    for (int m = 0; m < request.microbatches; ++m) {
      forwards.push_back({Kind::F, false, stage, m});
      backwards.push_back({Kind::B, false, stage, m});
    }
    int ahead = std::min(request.microbatches, request.devices - 1 - stage);
    result.push_back(takeTurns(forwards, backwards, ahead));
  }
  return result;
}

std::vector<Family> bitpipe::schedule::file::OneFOneB() {
  return {{"1f1b", "one forward, one backward", 1, place, order}};
}
