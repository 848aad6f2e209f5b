//===- MixPipe.cpp - Two opposite straight pipes, ordered by search ---------===//
//
// "MixPipe: Efficient Bidirectional Pipeline Parallelism for Training Large-Scale
// Models", DAC 2023: Chimera's two pipes, but micro-batches are not bound to groups, and
// how many of them are let in at the beginning is chosen. The placement is the paper's.
// The order is the scheduler's, with whole backwards: as many are let in as there is
// memory for. D = 4, N = 4:
//
//   0F0,0F2,3F1,3B1,3F3,3B3,0B0,0B2
//   1F0,2F1,1F2,2F3,2B1,1B0,2B3,1B2
//   1F1,2F0,1F3,2F2,2B0,1B1,2B2,1B3
//   0F1,0F3,3F0,3B0,3F2,3B2,0B1,0B3
//
// Idle 1.5(D-2) for even D and N from 2D on, in 1.5D activations, as no order on these
// routes does less: D/2-1 forwards pass before the two middle devices have something to
// do, and D/2-1 backwards after they have done all.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Families/Shared/Straight.h"

using namespace bitpipe::schedule;

static ErrorOr<Placement> place(const Request &request) {
  return placeTwoStraight(request, "more is 'bitpipe'");
}

static ErrorOr<Ordered> order(const Request &request, const Placement &placement) {
  double own = unlessKnown(request, 1.5 * request.devices);
  return search(problemFor(request, placement, own, false), request);
}

std::vector<Family> bitpipe::schedule::file::MixPipe() {
  return {{"mixpipe", "two opposite straight pipes, made by the scheduler", 1, place, order, true}};
}
