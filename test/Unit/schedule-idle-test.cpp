//===- schedule-idle-test.cpp - Idle times against formulas ---------------===//
//
// What docs/Schedules.md says of idle time and memory, and how little memory
// costs bitpipe.
//
//===----------------------------------------------------------------------===//

#include "test/Unit/schedule-idle.h"

using namespace bitpipe::schedule;

static void testFormulas() {
  for (int d : {2, 4, 6, 8, 12, 16})
    for (int k : {1, 2, 3, 4, 8}) {
      int n = k * d;
      for (const char *name : {"gpipe", "1f1b", "bpipe", "interleaved", "breadth-first"})
        expectIdle(request(name, d, n), 3 * (d - 1));
      expectIdle(request("bitpipe-published", d, n), (k + 1) * (d - 2),
                 2 * d);
      expectIdle(request("chimera", d, n), (k + 1) * (d - 2));
      expectIdle(request("bitpipe-zb", d, n), (d - 2) / 2.0, 2 * d);
      expectIdle(request("dualpipe", d, n), (d - 2) / 2.0, d + 1);
      expectIdle(request("hanayo", d, n), 4 * (d - 1), 2 * d);
      if (k > 1)
        expectIdle(request("mixpipe", d, n), 1.5 * (d - 2), 1.5 * d);
      if (d <= 8)
        expectIdle(request("bitpipe-zb", d, n, 4), (d - 2) / 4.0, 2 * d);
      if (k < 2)
        continue;
      if (k % 2 == 0)
        expectIdle(request("chimera-doubling", d, n), 1.5 * (d - 2), 2 * d);
      expectIdle(request("bitpipe", d, n), 1.5 * (d - 2), 2.5 * d);
      expectIdle(request("dualpipev", d, n), d - 1, 2 * d + 1);
    }
}

/// With too few micro-batches to fill the time until the first gradient comes.
static void testFewMicrobatches() {
  for (int d : {4, 8})
    for (int n = d; 2 * n < 3 * d; ++n)
      expectIdle(request("bitpipe", d, n), 3 * d - 4 - n, 2.5 * d);
}

/// With 2D activations bitpipe waits for its first gradient, too.
static void testTightMemory() {
  std::vector<std::pair<int, int>> sizes = {
      {10, 2}, {10, 5}, {12, 2}, {12, 3}, {12, 16},
      {14, 2}, {14, 3}, {16, 2}, {16, 3}, {16, 15}};
  for (int d : {2, 4, 6, 8})
    for (int k = 2; k <= 16; ++k)
      sizes.push_back({d, k});
  for (auto [d, k] : sizes) {
    Request asked = request("bitpipe", d, k * d);
    asked.memory = 2 * d;
    expectIdle(asked, 2 * (d - 2), 2 * d);
  }
}

/// With D-1 activations more a wave idles no longer than any order on one route must.
static void testWave() {
  for (int d : {2, 3, 4, 6, 8})
    for (int n : {2 * d, 4 * d}) {
      Request asked = request("hanayo", d, n);
      asked.memory = 3 * d - 1;
      expectIdle(asked, 3 * (d - 1), 3 * d - 1);
    }
}

int main() {
  testFormulas();
  testWave();
  testFewMicrobatches();
  testTightMemory();
  return report();
}
