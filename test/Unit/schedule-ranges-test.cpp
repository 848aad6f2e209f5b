//===- schedule-ranges-test.cpp - BitPipe's bounds over their range ---------===//
//
// Usage: schedule-ranges-test [STEPS]
// Idle time of bitpipe and bitpipe-zb against their formulas, for every number
// of devices up to 32 and up to 16 times as many micro-batches. STEPS is how
// many numbers of micro-batches are tried for each: 4 by default.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Simulate.h"
#include "test/Unit/schedule-support.h"

#include <algorithm>
#include <cstdlib>

using namespace bitpipe::schedule;

/// A claim about a family: with so many activations per device, every device
/// idles `idle` times the distance from either end to the middle.
struct Claim {
  const char *pipeline;
  int chunks;
  double activations, idle;
  /// From so many micro-batches per device on.
  double fewest;
};

static const Claim claims[] = {
    {"bitpipe", 2, 2.5, 3, 2},
    {"bitpipe-zb", 2, 2, 1, 1},
    {"bitpipe-zb", 4, 2, 0.5, 1},
};

/// Costs of a stage of a V, divided among the chunks of a wave.
static Costs chunkCosts(int chunks) {
  Costs costs;
  return recut(costs, 2, chunks);
}

static void test(const Claim &claim, int devices, int microbatches) {
  Request asked;
  asked.pipeline = claim.pipeline;
  asked.devices = devices;
  asked.microbatches = microbatches;
  asked.chunks = claim.chunks;
  asked.memory = claim.activations * devices;
  std::string text = toText(asked);
  ErrorOr<Schedule> schedule = buildSchedule(asked);
  if (!schedule)
    return expect(false, text + ": " + schedule.error().text);
  ErrorOr<Simulated> run =
      simulateAll(std::move(*schedule), chunkCosts(claim.chunks));
  if (!run)
    return expect(false, text + ": " + run.error().text);
  int hops = (devices - 1) / 2;
  double idle = 0, activations = 0;
  for (const DeviceUse &use : run->use) {
    idle = std::max(idle, use.idle);
    activations = std::max(activations, use.peakActivation);
  }
  expectEqual(idle, claim.idle * hops, text + " idles");
  expect(activations <= asked.memory, text + " holds too much");
}

int main(int argc, char **argv) {
  int steps = argc > 1 ? std::atoi(argv[1]) : 4;
  size_t sizes = 0;
  for (const Claim &claim : claims)
    for (int devices = 2; devices <= 32; ++devices) {
      // With one middle device weight gradients have one place less to go.
      if (devices == 3 && claim.pipeline != claims[0].pipeline)
        continue;
      int fewest = int(claim.fewest * devices), most = 16 * devices;
      for (int i = 0; i < steps; ++i) {
        // Odd and even numbers, the smallest and the largest.
        int count = fewest + (most - fewest) * i / std::max(1, steps - 1);
        test(claim, devices, i % 2 && i + 1 < steps ? count | 1 : count);
        ++sizes;
      }
    }
  std::printf("%zu sizes\n", sizes);
  return finish();
}
