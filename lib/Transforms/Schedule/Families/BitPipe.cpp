//===- BitPipe.cpp - Two opposite V without gaps between groups ------------===//
//
// BitPipe's placement (see BitPipePublished.cpp) with early forwarding: the
// forwards of later micro-batches start wherever a device would idle, as far as
// memory goes, so that only filling and draining the pipeline is idle time. Any
// number of micro-batches from D on, in any share of the two directions. With
// as many micro-batches as devices it is the published order:
//
//   0F0,0F1,3F2,4F2,3F3,4F3,7F0,7B0,7F1,7B1,4B2,3B2,4B3,3B3,0B0,0B1
//   1F0,2F2,1F1,2F3,5F2,6F0,5F3,6F1,6B0,5B2,6B1,5B3,2B2,1B0,2B3,1B1
//   1F2,2F0,1F3,2F1,5F0,6F2,5F1,6F3,6B2,5B0,6B3,5B1,2B0,1B2,2B1,1B3
//   0F2,0F3,3F0,4F0,3F1,4F1,7F2,7B2,7F3,7B3,4B0,3B0,4B1,3B1,0B2,0B3
//
// Idle 1.5(D-2) whatever N is, from N = 1.5D on, with at most 2.5D live
// activations of a stage: nothing comes to the two middle devices before D/2-1
// forwards have run elsewhere, and after their last backward D/2-1 backwards
// are left for others. With an odd number of devices the middle one holds the
// same stages for both directions, (D-1)/2 hops from either end.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Core/Routes.h"
#include "lib/Transforms/Schedule/Families/Shared/BitPipeGroup.h"
#include "lib/Transforms/Schedule/Families/Shared/Registry.h"


using namespace bitpipe::schedule;

/// The published order: it needs two middle devices and equal halves.
static bool isOneGroup(const Request &request) {
  return request.chunks == 2 && request.devices % 2 == 0 &&
         request.microbatches == request.devices && !needsHalves(request);
}

static ErrorOr<Placement> place(const Request &request) {
  int devices = request.devices, count = request.microbatches;
  if (request.chunks % 2)
    return Error{std::to_string(request.chunks) +
                 " chunks, expected an even number"};
  if (count < devices)
    return Error{std::to_string(count) + " micro-batches, expected at least " +
                 std::to_string(devices) + ", one per device"};
  std::vector<int> route = wave(devices, request.chunks);
  // Groups as published where the published order is used; taking turns lets
  // both directions fill the pipeline from the start otherwise.
  if (isOneGroup(request))
    return twoWays(devices, count, route, devices, devices / 2);
  return twoWaysSpread(devices, count, route, downCount(request));
}

/// Activations are counted in stages of a V, whatever the number of chunks.
static Problem problem(const Request &request, const Placement &placement,
                       double share, bool split) {
  return problemFor(request, placement, unlessKnown(request, share * request.devices), split,
                    request.chunks / 2.0);
}

static ErrorOr<Ordered> order(const Request &request,
                            const Placement &placement) {
  if (isOneGroup(request) && request.costs.memory.empty() &&
      (request.memory == 0 || request.memory >= 2 * request.devices)) {
    return concatenate(request.devices, request.devices, request.devices,
                       [&](int rank, int first) {
                         return bitPipeGroup(request.devices, rank, first);
                       });
  }
  return search(problem(request, placement, 2.5, false), request);
}

/// The weight gradients fill the gaps, so that draining is never idle.
static ErrorOr<Ordered> splitOrder(const Request &request,
                                 const Placement &placement) {
  return search(problem(request, placement, 2, true), request);
}

std::vector<Family> bitpipe::schedule::file::BitPipe() {
  std::vector<Family> result = {
      {"bitpipe", "two opposite V, early forwarding", 2, place, order, true},
      {"bitpipe-zb", "two opposite V, split backward", 2, place, splitOrder, true}};
  for (Family &family : result)
    family.isDefault = true;
  return result;
}
