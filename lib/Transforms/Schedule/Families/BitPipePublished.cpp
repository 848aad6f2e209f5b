//===- BitPipePublished.cpp - BitPipe as published -------------------------===//
//
// Wu, Chen, Yu, "BitPipe: Bidirectional Interleaved Pipeline Parallelism",
// 2024. Two V-shaped pipes run in opposite directions with half of the
// micro-batches each and collide nowhere. Groups of D micro-batches are
// concatenated: a device runs its first own forwards of the next group before
// its last backwards of this one, where it would idle. D = 4, N = 4:
//
//   0F0,0F1,3F2,4F2,3F3,4F3,7F0,7B0,7F1,7B1,4B2,3B2,4B3,3B3,0B0,0B1
//   1F0,2F2,1F1,2F3,5F2,6F0,5F3,6F1,6B0,5B2,6B1,5B3,2B2,1B0,2B3,1B1
//   1F2,2F0,1F3,2F1,5F0,6F2,5F1,6F3,6B2,5B0,6B3,5B1,2B0,1B2,2B1,1B3
//   0F2,0F3,3F0,4F0,3F1,4F1,7F2,7B2,7F3,7B3,4B0,3B0,4B1,3B1,0B2,0B3
//
// Idle (K+1)(D-2) for N = KD: what is left of the gap between two groups is
// filled by 'bitpipe' only.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Core/Routes.h"
#include "lib/Transforms/Schedule/Families/Shared/BitPipeGroup.h"
#include "lib/Transforms/Schedule/Families/Shared/Registry.h"

using namespace bitpipe::schedule;

static ErrorOr<Placement> place(const Request &request) {
  int devices = request.devices;
  if (devices % 2)
    return Error{std::to_string(devices) +
                 " devices, expected an even number"};
  if (request.microbatches % devices)
    return Error{std::to_string(request.microbatches) +
                 " micro-batches, expected a multiple of the " +
                 std::to_string(devices) + " devices"};
  if (std::optional<Error> wrong = needsHalves(request))
    return *wrong;
  return twoWays(devices, request.microbatches, wave(devices, 2), devices,
                 devices / 2);
}

static ErrorOr<Ordered> order(const Request &request, const Placement &) {
  int devices = request.devices;
  return concatenate(devices, request.microbatches, devices, [&](int rank, int first) {
    return bitPipeGroup(devices, rank, first);
  });
}

std::vector<Family> bitpipe::schedule::file::BitPipePublished() {
  Family result{"bitpipe-published", "two opposite V, groups concatenated", 2, place, order, true};
  result.isDefault = true;
  return {result};
}
