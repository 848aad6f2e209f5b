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

size_t bitpipe::schedule::overtakenMessages(const Program &program, const Timing &timing,
                                            const Costs &costs) {
  std::vector<std::vector<MessageLife>> lives = messageLives(program, costs);
  size_t count = 0;
  for (size_t device = 0; device < program.devices.size(); ++device) {
    // By position, how many actions come before it.
    std::vector<size_t> before{0};
    for (const Instruction &instruction : program.devices[device])
      before.push_back(before.back() + actionOf(instruction).has_value());
    const std::vector<double> &start = timing.start[device], &arrival = timing.arrival[device];
    for (const MessageLife &life : lives[device]) {
      size_t next = life.last < program.devices[device].size() ? before[life.last + 1] : start.size();
      count += life.sort == MessageLife::Sent && next < start.size() &&
               arrival[before[life.first]] > start[next] + 1e-9 * timing.makespan;
    }
  }
  return count;
}
