//===- BPipe.cpp - 1F1B with activations moved from first to last ----------===//
//
// Kim et al., BPipe: Memory-Balanced Pipeline Parallelism for Training Large Language
// Models, ICML 2023. In 1F1B rank x holds D-x activations. It evicts some of them to rank
// D-1-x, which holds x+1, so that nobody holds more than (D+2)/2, rounded up: half of what
// the two hold together, and what is on its way. D = 4, N = 4:
//
//   0F0,0F1,0E1,0F2,0E2,0F3,0L1,0B0,0L2,0B1,0B2,0B3
//   1F0,1F1,1F2,1B0,1F3,1B1,1B2,1B3
//   2F0,2F1,2B0,2F2,2B1,2F3,2B2,2B3
//   0K1,0K2,0G1,3F0,3B0,3F1,3B1,3F2,0G2,3B2,3F3,3B3
//
// An activation is away from the run before the one that would pass the bound until the run
// before its gradient (Simulate/Balance.h). max(0, D-x-(D+2)/2) are away at a time; fewer
// than those that are saved are moved, since each that is stays away as long as it can.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Families/Shared/Straight.h"
#include "lib/Transforms/Schedule/Simulate/Balance.h"

using namespace bitpipe::schedule;

static ErrorOr<Placement> place(const Request &request) {
  return placeStraight(request, "'interleaved --balance' moves activations of more");
}

static ErrorOr<Ordered> order(const Request &request, const Placement &placement) {
  Family base = file::OneFOneB().front();
  ErrorOr<Ordered> ordered = base.order(request, placement);
  if (!ordered)
    return ordered;
  Schedule schedule{"bpipe", placement, std::move(ordered->order)};
  std::vector<Partners> pairs;
  int devices = request.devices;
  for (int x = 0; x < devices / 2; ++x)
    pairs.push_back({x, devices - 1 - x});
  if (std::optional<Error> wrong = evict(schedule, request.costs, pairs, (devices + 3) / 2))
    return *wrong;
  return Ordered(std::move(schedule.order));
}

std::vector<Family> bitpipe::schedule::file::BPipe() {
  Family bpipe{"bpipe", "1F1B whose first devices evict activations to the last ones", 1, place,
               order};
  bpipe.movesActivations = true;
  return {bpipe};
}
