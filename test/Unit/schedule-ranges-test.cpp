//===- schedule-ranges-test.cpp - BitPipe's bounds over their range ---------===//
//
// Usage: schedule-ranges-test [STEPS]
// bitpipe with 2.5D activations and with 2D, and bitpipe-zb with 2D, as a V and
// as a wave of four, for every even number of devices up to 32 and from D or 2D
// up to 16D micro-batches, in so many steps: 6 unless told.
//
//===----------------------------------------------------------------------===//

#include "test/Unit/schedule-idle.h"

#include <cstdlib>

using namespace bitpipe::schedule;

/// Alternately even and odd numbers from `fewest` on; the last one is 16D.
static std::vector<int> sizes(int devices, int fewest, int steps) {
  int most = 16 * devices;
  std::vector<int> result;
  for (int i = 0; i + 1 < steps; ++i)
    result.push_back((fewest + (most - fewest) * i / (steps - 1)) / 2 * 2 +
                     i % 2);
  result.push_back(most);
  return result;
}

/// With 2D activations bitpipe waits for its first gradient, too.
static void expectTight(int devices, int microbatches) {
  Request asked = request("bitpipe", devices, microbatches);
  asked.memory = 2 * devices;
  expectIdle(asked, 2 * (devices - 2), 2 * devices);
}

int main(int argc, char **argv) {
  int steps = argc > 1 ? std::max(2, std::atoi(argv[1])) : 6;
  for (int d = 2; d <= 32; d += 2) {
    for (int n : sizes(d, 2 * d, steps)) {
      expectIdle(request("bitpipe", d, n), 1.5 * (d - 2), 2.5 * d);
      expectTight(d, n);
    }
    for (int n : sizes(d, d, steps)) {
      expectIdle(request("bitpipe-zb", d, n), (d - 2) / 2.0, 2 * d);
      expectIdle(request("bitpipe-zb", d, n, 4), (d - 2) / 4.0, 2 * d);
    }
  }
  return report();
}
