//===- schedule-odd-test.cpp - Two directions with one middle device -------===//
//
// An odd number of devices: the one in the middle has the same stages for both
// directions.
//
//===----------------------------------------------------------------------===//

#include "test/Unit/schedule-idle.h"

using namespace bitpipe::schedule;

static void testBitPipe() {
  for (int n : {6, 7, 9, 12, 24, 47})
    expectIdle(request("bitpipe", 3, n), 3, 7);
  for (int d : {5, 7, 9, 11, 13, 15, 23, 31})
    for (double k : {1.5, 2.0, 3.0, 4.0, 8.0})
      expectIdle(request("bitpipe", d, int(std::ceil(k * d))), 1.5 * (d - 1),
                 2.5 * d);
  // Too few to fill the time until the first gradient comes.
  for (int d : {3, 5, 7})
    for (int n = d; 2 * n < 3 * d; ++n)
      expectIdle(request("bitpipe", d, n), 3 * d - 2 - n, 2.5 * d);
}

static void testChimera() {
  for (int d : {3, 5, 9, 15})
    for (int k : {2, 4})
      expectIdle(request("chimera", d, k * d), 2 * d - 3, d + 1);
}

static void testSplitBackwards() {
  for (int d : {5, 7, 9, 15, 31})
    for (int k : {1, 2})
      expectIdle(request("bitpipe-zb", d, k * d), (d - 1) / 2.0, 2 * d);
  for (int d : {5, 9, 15})
    expectIdle(request("bitpipe-zb", d, 4 * d), (d - 1) / 2.0, 2 * d);
}

int main() {
  testBitPipe();
  testChimera();
  testSplitBackwards();
  return report();
}
