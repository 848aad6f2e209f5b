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
#include "lib/Transforms/Schedule/Families/Shared/Registry.h"

using namespace bitpipe::schedule;

static bool hasGroups(const Request &request) {
  return request.devices % 2 == 0 &&
         request.microbatches % request.devices == 0 && !needsHalves(request);
}

static ErrorOr<Placement> place(const Request &request) {
  int devices = request.devices;
  if (request.chunks != 1)
    return Error{std::to_string(request.chunks) +
                 " chunks, expected 1 (more is 'bitpipe')"};
  if (request.microbatches < 2)
    return Error{std::to_string(request.microbatches) +
                 " micro-batches, expected at least one per direction"};
  std::vector<int> route = loop(devices, 1);
  if (hasGroups(request))
    return twoWays(devices, request.microbatches, route, devices, devices / 2);
  return twoWaysSpread(devices, request.microbatches, route,
                       downCount(request));
}

static ErrorOr<Ordered> order(const Request &request,
                            const Placement &placement) {
  int devices = request.devices;
  if (!hasGroups(request)) {
    return search(problemFor(request, placement, devices + 1, false), request);
  }
  Order result(devices);
  for (int rank = 0; rank < devices; ++rank)
    for (int first = 0; first < request.microbatches; first += devices)
      appendGroup(result[rank], chimeraGroup(devices, rank, first),
                  ownFirst(devices, rank));
  return result;
}

std::vector<Family> bitpipe::schedule::file::Chimera() {
  return {{"chimera", "two opposite straight pipes, groups concatenated", 1,
           place, order, true}};
}
