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

using namespace bitpipe::schedule;

static ErrorOr<Placement> place(const Request &request) {
  return oneWay(request.devices, request.microbatches,
                loop(request.devices, request.chunks));
}

static std::vector<Action> forwards(const Request &request, int rank) {
  std::vector<Action> list;
  for (int chunk = 0; chunk < request.chunks; ++chunk)
    for (int m = 0; m < request.microbatches; ++m)
      list.push_back({Kind::F, false, chunk * request.devices + rank, m});
  return list;
}

static ErrorOr<Ordered> descending(const Request &request, const Placement &) {
  Order result;
  for (int rank = 0; rank < request.devices; ++rank) {
    auto &list = result.emplace_back(forwards(request, rank));
    for (int chunk = request.chunks - 1; chunk >= 0; --chunk)
      for (int m = request.microbatches - 1; m >= 0; --m)
        list.push_back({Kind::B, false, chunk * request.devices + rank, m});
  }
  return result;
}

static ErrorOr<Ordered> ascending(const Request &request, const Placement &) {
  Order result;
  for (int rank = 0; rank < request.devices; ++rank) {
    auto &list = result.emplace_back(forwards(request, rank));
    for (int chunk = request.chunks - 1; chunk >= 0; --chunk)
      for (int m = 0; m < request.microbatches; ++m)
        list.push_back({Kind::B, false, chunk * request.devices + rank, m});
  }
  return result;
}

std::vector<Family> bitpipe::schedule::file::BreadthFirst() {
  return {{"breadth-first", "stage by stage, backwards from the last on", 2,
           place, descending},
          {"breadth-first-ascending",
           "stage by stage, backwards from the first on", 2, place,
           ascending}};
}
