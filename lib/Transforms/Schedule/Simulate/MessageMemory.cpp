//===- MessageMemory.cpp - What messages take on each device ----------------===//

#include "lib/Transforms/Schedule/Simulate/MessageMemory.h"

#include "lib/Transforms/Schedule/Check/MessageLives.h"

#include <algorithm>
#include <map>

using namespace bitpipe::schedule;

/// As many places of a size as are taken at a time.
static double placesOf(const std::vector<MessageLife> &lives) {
  std::map<double, std::vector<std::pair<size_t, int>>> changes; // by size
  for (const MessageLife &life : lives) {
    changes[life.size].push_back({life.first, 1});
    changes[life.size].push_back({life.last + 1, -1});
  }
  double bytes = 0;
  for (auto &[size, list] : changes) {
    std::sort(list.begin(), list.end());
    int taken = 0, most = 0;
    for (const auto &[at, change] : list)
      most = std::max(most, taken += change);
    bytes += size * most;
  }
  return bytes;
}

std::vector<double> bitpipe::schedule::messageMemory(const Program &program,
                                                     const Costs &costs) {
  std::vector<double> result;
  for (const std::vector<MessageLife> &lives : messageLives(program, costs))
    result.push_back(placesOf(lives));
  return result;
}
