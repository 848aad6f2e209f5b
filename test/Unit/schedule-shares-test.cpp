//===- schedule-shares-test.cpp - Unequal shares of two directions --------===//
//
// Any number of the micro-batches goes down, the rest up.
//
//===----------------------------------------------------------------------===//

#include "test/Unit/schedule-idle.h"
#include "test/Unit/schedule-invariants.h"

using namespace bitpipe::schedule;

/// So many of the micro-batches enter on device 0, and of those up to any one
/// the same share, give or take a half.
static void testSpread(const Request &asked, const Placement &placement) {
  int down = 0;
  for (int m = 0; m < asked.microbatches; ++m) {
    down += placement.device(0, m) == 0;
    double share = (m + 1.0) * asked.down / asked.microbatches;
    expect(std::abs(down - share) <= 0.5, toText(asked) + " spreads unevenly");
  }
}

/// Any share of the two directions, in the memory of equal ones.
static void testShares() {
  for (auto [name, share] : {std::pair("bitpipe", 2.5), {"bitpipe-zb", 2.0},
                             {"chimera", 1.25}, {"dualpipe", 1.25}})
    for (int d : {4, 5})
      for (int down = 0; down <= 2 * d; ++down) {
        Request asked = request(name, d, 2 * d);
        asked.down = down;
        ErrorOr<Schedule> schedule = buildSchedule(asked);
        if (!schedule)
          return expect(false, schedule.error().text);
        if (down != d) // Equal halves may be in groups.
          testSpread(asked, schedule->placement);
        testSchedule(asked, *schedule);
        double peak = 0;
        idle(asked, peak);
        expect(peak <= share * d, toText(asked) + " holds too much");
      }
}

/// The ends wait for the other direction with what they have of their own.
static void testWaiting() {
  for (int d : {8, 14})
    for (int down = 0; down <= 2 * d; ++down) {
      Request asked = request("bitpipe-zb", d, 2 * d);
      asked.down = down;
      int fewer = std::min(down, 2 * d - down);
      expectIdle(asked, std::max((d - 2) / 2, d - 1 - fewer), 2 * d);
    }
  for (int d : {4, 8, 12})
    for (int down = d / 4; down <= d; ++down) {
      Request asked = request("bitpipe", d, 2 * d);
      asked.down = down;
      expectIdle(asked, std::max(1.5 * (d - 2), 3.0 * (d - 1 - down)), 2.5 * d);
    }
}

int main() {
  testShares();
  testWaiting();
  return report();
}
