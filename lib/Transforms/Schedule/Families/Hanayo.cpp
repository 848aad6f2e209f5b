//===- Hanayo.cpp - One wave ----------------------------------------------===//
//
// Liu, Cheng, Zhou, You, "Hanayo: Harnessing Wave-like Pipeline Parallelism for
// Enhanced Large Model Training Efficiency", 2023. One route goes down and up the
// devices in waves, so that weights are held once and the turns need no message. The
// placement is the paper's; the order is the scheduler's, with whole backwards.
//
// D = 2, N = 2:
//
//   0F0,0F1,3F0,3B0,3F1,3B1,0B0,0B1
//   1F0,2F0,1F1,2F1,2B0,1B0,2B1,1B1
//
// A V, which is a wave of two chunks, takes 2D activations, as 1F1B, and idles 4(D-1) in
// forwards of its stages. With D-1 activations more it idles 3(D-1), as no order on one
// route does less: D-1 forwards pass before the last device has something to do, and D-1
// backwards after it has done all. More chunks have shorter stages, and idle as many.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Core/Routes.h"
#include "lib/Transforms/Schedule/Families/Shared/Registry.h"

using namespace bitpipe::schedule;

static ErrorOr<Placement> place(const Request &request) {
  if (request.chunks % 2)
    return Error{std::to_string(request.chunks) +
                 " chunks, expected an even number: two to a wave"};
  return oneWay(request.devices, request.microbatches,
                wave(request.devices, request.chunks));
}

/// Activations are counted in stages of a V, whatever the number of chunks.
static ErrorOr<Ordered> order(const Request &request, const Placement &placement) {
  double own = unlessKnown(request, 2 * request.devices);
  return search(problemFor(request, placement, own, false, request.chunks / 2.0), request);
}

std::vector<Family> bitpipe::schedule::file::Hanayo() {
  return {{"hanayo", "one wave, made by the scheduler", 2, place, order}};
}
