//===- schedule-tight-table.cpp - bitpipe in 2D activations -----------------===//
//
// Usage: schedule-tight-table [EFFORT]
// Prints for which odd numbers of micro-batches between 2D and 3D, the hardest
// ones, bitpipe idles more than 2(D-2) with 2D activations, and by how much,
// with EFFORT times the search that there is by default. Takes minutes.
//
//===----------------------------------------------------------------------===//

#include "test/Unit/schedule-idle.h"

#include <cstdlib>

using namespace bitpipe::schedule;

int main(int argc, char **argv) {
  std::printf("| D | sizes | N: above 2(D-2) |\n|---|---|---|\n");
  for (int d = 4; d <= 32; d += 2) {
    std::printf("| %d | %d |", d, d / 2);
    for (int n = 2 * d + 1; n < 3 * d; n += 2) {
      Request asked = request("bitpipe", d, n);
      asked.memory = 2 * d;
      asked.effort = argc > 1 ? std::atof(argv[1]) : 1;
      double peak = 0, above = idle(asked, peak) - 2 * (d - 2);
      if (above > 1e-6)
        std::printf(" %d: %g", n, above);
      std::fflush(stdout);
    }
    std::printf(" |\n");
  }
  return report();
}
