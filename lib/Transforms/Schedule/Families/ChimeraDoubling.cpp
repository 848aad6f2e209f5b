//===- ChimeraDoubling.cpp - Chimera with forwards in pairs ----------------===//
//
// Chimera's schedule for more micro-batches than devices. A backward takes
// as long as two forwards, so that plainly concatenated groups do not interlock;
// therefore two forwards stand where one stood and the backwards of both where
// one stood. Two forwards and one backward are equally long then, and groups of
// 2D micro-batches follow one another without a gap. D = 2, N = 4:
//
//   0F0,0F1,1F2,1F3,1B2,1B3,0B0,0B1
//   0F2,0F3,1F0,1F1,1B0,1B1,0B2,0B3
//
// Idle 1.5(D-2) whatever N is, with twice Chimera's activations. (Run as one
// forward of double size, a pair idles 2(D-2): its second half fills later.)
//
// Forward doubling pairs whole micro-batches. Backward halving has the same
// order, and its pair is one micro-batch cut in half: here a micro-batch is
// what one backward takes, so that N counts the halves, and in a micro-batch's
// activations it holds no more than Chimera.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Core/Routes.h"
#include "lib/Transforms/Schedule/Families/Shared/BitPipeGroup.h"
#include "lib/Transforms/Schedule/Families/Shared/ChimeraGroup.h"
#include "lib/Transforms/Schedule/Families/Shared/Registry.h"

using namespace bitpipe::schedule;

static ErrorOr<Placement> place(const Request &request) {
  int devices = request.devices;
  if (devices % 2)
    return Error{std::to_string(devices) +
                 " devices, expected an even number"};
  if (request.microbatches % (2 * devices))
    return Error{std::to_string(request.microbatches) +
                 " micro-batches, expected a multiple of " +
                 std::to_string(2 * devices) + ", two per device"};
  if (std::optional<Error> wrong = needsHalves(request))
    return *wrong;
  return twoWays(devices, request.microbatches, loop(devices, 1), 2 * devices,
                 devices);
}

/// Micro-batch m stands for 2m and 2m+1.
static std::vector<Action> inPairs(const std::vector<Action> &list) {
  std::vector<Action> result;
  for (Action action : list)
    for (int half : {0, 1}) {
      result.push_back(action);
      result.back().microbatch = 2 * action.microbatch + half;
    }
  return result;
}

static ErrorOr<Ordered> order(const Request &request, const Placement &) {
  int devices = request.devices;
  return concatenate(devices, request.microbatches, 2 * devices, [&](int rank, int first) {
    return inPairs(chimeraGroup(devices, rank, first / 2));
  });
}

std::vector<Family> bitpipe::schedule::file::ChimeraDoubling() {
  return {{"chimera-doubling", "Chimera, forwards in pairs", 1, place, order, true}};
}
