//===- Interleaved.cpp - One forward, one backward over several chunks ------===//
//
// Narayanan et al., "Efficient Large-Scale Language Model Training on GPU
// Clusters Using Megatron-LM", 2021. Each device holds v stages of a looping
// route. Micro-batches pass in rounds of D: a device runs a round's forwards of
// its first stage, then of its second, and so on; backwards in the opposite
// order. D = 2, v = 2, N = 2:
//
//   0F0,0F1,2F0,2F1,2B0,2B1,0B0,0B1
//   1F0,1F1,3F0,3B0,3F1,3B1,1B0,1B1
//
// Idle (D-1)(f+b) of these v times smaller stages. 'interleaved-zb' splits the
// backward and delays each weight gradient by as many backwards as the rank.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Core/Routes.h"
#include "lib/Transforms/Schedule/Families/Shared/Registry.h"
#include "lib/Transforms/Schedule/Families/Shared/TakeTurns.h"

#include <algorithm>

using namespace bitpipe::schedule;

static ErrorOr<Placement> place(const Request &request) {
  int devices = request.devices, count = request.microbatches;
  if (request.chunks < 2)
    return Error{std::to_string(request.chunks) +
                 " chunks, expected at least 2 (one is '1f1b')"};
  if (int rounds = std::max(1, count / devices); count % rounds)
    return Error{std::to_string(count) + " micro-batches, expected " +
                 std::to_string(rounds) + " rounds of equally many"};
  return oneWay(devices, count, loop(devices, request.chunks));
}

/// The passes of a device's chunks by all micro-batches, in rounds.
static std::vector<Action> passes(const Request &request, int rank,
                                  Kind kind) {
  int count = request.microbatches;
  int round = count / std::max(1, count / request.devices);
  std::vector<Action> result;
  for (int first = 0; first < count; first += round)
    for (int i = 0; i < request.chunks; ++i)
      for (int m = first; m < first + round; ++m) {
        int chunk = kind == Kind::F ? i : request.chunks - 1 - i;
        result.push_back(
            {kind, false, chunk * request.devices + rank, m});
      }
  return result;
}

/// How many forwards a device runs before it also runs backwards.
static size_t aheadOf(const Request &request, int rank, int perHop) {
  int count = request.microbatches;
  int round = count / std::max(1, count / request.devices);
  return std::min((request.chunks - 1) * round +
                      perHop * (request.devices - 1 - rank),
                  count * request.chunks - 1);
}

static ErrorOr<Ordered> order(const Request &request, const Placement &) {
  return everyRank(request.devices, [&](int rank) {
    return takeTurns(passes(request, rank, Kind::F), passes(request, rank, Kind::B),
                     aheadOf(request, rank, 2));
  });
}

static ErrorOr<Ordered> splitOrder(const Request &request, const Placement &) {
  return everyRank(request.devices, [&](int rank) {
    return takeTurns(passes(request, rank, Kind::F), passes(request, rank, Kind::I),
                     aheadOf(request, rank, 1), rank);
  });
}

std::vector<Family> bitpipe::schedule::file::Interleaved() {
  return {{"interleaved", "1F1B over a looping route", 2, place, order},
          {"interleaved-zb", "interleaved, split backward", 2, place,
           splitOrder}};
}
