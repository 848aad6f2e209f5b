//===- Clocks.cpp - Times of other hosts on rank 0's clock ------------------===//

#include "lib/Runtime/Launch/Clocks.h"

#include "lib/Runtime/Launch/Peers.h"

#include <algorithm>
#include <limits>

using namespace bitpipe;

namespace {
struct RoundTrip {
  Nanoseconds took = std::numeric_limits<Nanoseconds>::max();
  std::vector<Nanoseconds> ahead; // by rank
};
} // namespace

/// Rank 0 asks all for their time and takes it for that of the middle.
static RoundTrip askAll(World &world) {
  RoundTrip trip;
  Nanoseconds begin = now();
  world.broadcast("");
  Nanoseconds mine = now();
  std::vector<std::string> answers =
      world.gather({reinterpret_cast<const char *>(&mine), sizeof(mine)});
  Nanoseconds end = now();
  trip.took = end - begin;
  for (const std::string &answer : answers) {
    Nanoseconds there;
    std::memcpy(&there, answer.data(), sizeof(there));
    trip.ahead.push_back(there - (begin + end) / 2);
  }
  return trip;
}

Nanoseconds bitpipe::clockAhead(World &world) {
  std::vector<Process> processes = gatherProcesses(world);
  if (std::ranges::all_of(processes, [&](const Process &process) {
        return process.host == processes.front().host;
      }))
    return 0;
  RoundTrip best;
  for (int round = 0; round < 8; ++round)
    if (RoundTrip trip = askAll(world); trip.took < best.took)
      best = std::move(trip);
  if (!world.speaks())
    best.ahead.assign(world.size(), 0);
  std::string all = world.broadcast(
      {reinterpret_cast<const char *>(best.ahead.data()),
       best.ahead.size() * sizeof(Nanoseconds)});
  Nanoseconds ahead;
  std::memcpy(&ahead, all.data() + world.rank() * sizeof(ahead), sizeof(ahead));
  return world.speaks() ? 0 : ahead;
}
