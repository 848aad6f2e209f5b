//===- Chimera.cpp - Two opposite straight pipes ---------------------------===//
//
// Li, Hoefler, "Chimera: Efficiently Training Large-Scale Neural Networks with
// Bidirectional Pipelines", 2021. Half of the micro-batches goes down, half up;
// the two pipes interlock. Groups of D micro-batches are concatenated. D = 4,
// N = 4:
//
//   0F0,0F1,3F2,3B2,3F3,3B3,0B0,0B1
//   1F0,2F2,1F1,2F3,2B2,1B0,2B3,1B1
//   1F2,2F0,1F3,2F1,2B0,1B2,2B1,1B3
//   0F2,0F3,3F0,3B0,3F1,3B1,0B2,0B3
//
// Idle 2(D-2) for N = D. Where there are no such groups (odd D, N no multiple
// of D, unequal shares of the two directions) the scheduler orders the same two
// routes.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Core/Routes.h"
#include "lib/Transforms/Schedule/Families/Shared/BitPipeGroup.h"
#include "lib/Transforms/Schedule/Families/Shared/ChimeraGroup.h"
#include "lib/Transforms/Schedule/Families/Shared/Straight.h"

using namespace bitpipe::schedule;

static bool hasGroups(const Request &request) {
  return request.devices % 2 == 0 &&
         request.microbatches % request.devices == 0 && !needsHalves(request);
}

static ErrorOr<Placement> place(const Request &request) {
  if (request.chunks == 1 && hasGroups(request))
    return twoWays(request.devices, request.microbatches, loop(request.devices, 1),
                   request.devices, request.devices / 2);
  return placeTwoStraight(request, "more is 'bitpipe'");
}

static ErrorOr<Ordered> order(const Request &request,
                            const Placement &placement) {
  int devices = request.devices;
  if (!hasGroups(request))
    return search(problemFor(request, placement, devices + 1, false), request);
  return concatenate(devices, request.microbatches, devices, [&](int rank, int first) {
    return chimeraGroup(devices, rank, first);
  });
}

std::vector<Family> bitpipe::schedule::file::Chimera() {
  return {{"chimera", "two opposite straight pipes, groups concatenated", 1,
           place, order, true}};
}
