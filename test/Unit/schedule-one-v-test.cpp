//===- schedule-one-v-test.cpp - Schedules of one V -----------------------===//
//
// The orders of one V have their idle time and memory for every number of
// devices and micro-batches.
//
//===----------------------------------------------------------------------===//

#include "test/Unit/schedule-idle.h"

using namespace bitpipe::schedule;

/// Orders of one V keep their idle time and memory whatever the number of
/// devices and micro-batches.
static void testOneV() {
  for (int d = 2; d <= 32; ++d) {
    std::vector<int> counts;
    for (int n = 1; n <= 2 * d; n += d > 16 ? 3 : 1)
      counts.push_back(n);
    for (int n : {d, 3 * d, 5 * d + 1, 8 * d})
      counts.push_back(n);
    for (int n : counts) {
      Request half = request("v-half", d, n);
      double peak = 0, got = idle(half, peak);
      if (4 * n >= 3 * d + 4)
        expectIdle(half, 3 * d - 5);
      // In fewer than that the pipeline is hardly full.
      expect(peak <= d + 2 && got <= 4 * d - 5,
             toText(half) + " idles " + std::to_string(got) + " and holds " +
                 std::to_string(peak) + " activations");
      if (n > 1)
        expectIdle(request("v-min", d, n), 4 * d - 5 + (d % 3 == 0 ? 2 : 0),
                   2 * d / 3.0 + 3);
      if (n == d || 2 * n >= 3 * d)
        expectIdle(request("zb-v", d, n), d - 1, 2 * d);
    }
  }
}

/// With costs that its block is not made for, v-half is no worse than the
/// block's order, and holds no more than it may.
static void testVHalfCosts() {
  bool better = false;
  for (int d : {4, 5, 8}) {
    Request plain = request("v-half", d, 2 * d), asked = plain;
    asked.costs = *parseCosts("F=1,I=1.4,W=0.6,comm=0.2");
    ErrorOr<Schedule> block = buildSchedule(plain), made = buildSchedule(asked);
    double before = simulateAll(*block, asked.costs)->timing.makespan;
    double after = simulateAll(*made, asked.costs)->timing.makespan;
    better = better || after < before;
    expect(after <= before, toText(asked) + " takes " + std::to_string(after) +
                                ", the block's order " +
                                std::to_string(before));
    // The same in another unit changes nothing.
    plain.costs = *parseCosts("F=3,I=3,W=3,B=6");
    expect(buildSchedule(plain)->order == block->order,
           toText(plain) + " depends on the unit");
    for (double memory : {d - 1.0, d + 2.0, 1.5 * d}) {
      asked.memory = memory;
      double peak = 0;
      idle(asked, peak);
      expect(peak <= memory, toText(asked) + " holds " + std::to_string(peak) +
                                 " activations of " + std::to_string(memory));
    }
  }
  expect(better, "v-half does not heed costs");
}

int main() {
  testOneV();
  testVHalfCosts();
  return report();
}
