//===- BreadthFirst.cpp - Whole batches stage by stage ---------------------===//
//
// Lamy-Poirier, "Breadth-First Pipeline Parallelism", 2023. On a looping route
// a device runs all forwards of its first stage, then of its second, and so
// on, then all backwards in opposite order of the stages, so that parameters
// are gathered and gradients reduced once per stage and batch. D = 2, v = 2,
// N = 2, micro-batches of the backward descending:
//
//   0F0,0F1,2F0,2F1,2B1,2B0,0B1,0B0
//   1F0,1F1,3F0,3F1,3B1,3B0,1B1,1B0
//
// Idle (D-1)(f+b) of these stages; all micro-batches are alive at once. With
// them ascending the gradients leave in the order in which the forwards came.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Core/Routes.h"
#include "lib/Transforms/Schedule/Families/Shared/Registry.h"
#include "lib/Transforms/Schedule/Families/Shared/TakeTurns.h"

using namespace bitpipe::schedule;

static ErrorOr<Placement> place(const Request &request) {
  return oneWay(request.devices, request.microbatches,
                loop(request.devices, request.chunks));
}

/// Of all stages of a device, one after the other, all micro-batches.
static std::vector<Action> passes(const Request &request, int rank, Kind kind) {
  std::vector<Action> list;
  for (int chunk = 0; chunk < request.chunks; ++chunk)
    for (int m = 0; m < request.microbatches; ++m)
      list.push_back({kind, false, chunk * request.devices + rank, m});
  return list;
}

static ErrorOr<Ordered> descendingOrder(const Request &request, const Placement &) {
  return everyRank(request.devices, [&](int rank) {
    std::vector<Action> list = passes(request, rank, Kind::F);
    std::vector<Action> backwards = passes(request, rank, Kind::B);
    list.insert(list.end(), backwards.rbegin(), backwards.rend());
    return list;
  });
}

static ErrorOr<Ordered> ascendingOrder(const Request &request, const Placement &) {
  return everyRank(request.devices, [&](int rank) {
    std::vector<Action> list = passes(request, rank, Kind::F);
    for (int chunk = request.chunks; chunk-- > 0;)
      for (const Action &backward :
           ascending(Kind::B, chunk * request.devices + rank, request.microbatches))
        list.push_back(backward);
    return list;
  });
}

std::vector<Family> bitpipe::schedule::file::BreadthFirst() {
  return {{"breadth-first", "stage by stage, backwards from the last on", 2,
           place, descendingOrder},
          {"breadth-first-ascending",
           "stage by stage, backwards from the first on", 2, place,
           ascendingOrder}};
}
