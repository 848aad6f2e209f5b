//===- schedule-tight-table.cpp - bitpipe in 2D activations -----------------===//
//
// Usage: schedule-tight-table [SECONDS]
// Prints the table of docs/Schedules.md: what bitpipe idles above 2(D-2) with 2D
// activations, searching for SECONDS longer than by default. Takes minutes.
//
//===----------------------------------------------------------------------===//

#include "test/Unit/schedule-idle.h"

#include <cstdlib>

using namespace bitpipe::schedule;

int main(int argc, char **argv) {
  const double shares[] = {2, 2.25, 2.5, 2.75, 3, 3.5, 4, 6, 8, 12, 16};
  std::printf("| D |");
  for (double share : shares)
    std::printf(" %gD |", share);
  std::printf("\n|---|");
  for (size_t i = 0; i < std::size(shares); ++i)
    std::printf("---|");
  for (int d = 4; d <= 32; d += 2) {
    std::printf("\n| %d |", d);
    for (double share : shares) {
      // The even number below.
      Request asked = request("bitpipe", d, int(share * d) / 2 * 2);
      asked.memory = 2 * d;
      asked.seconds = argc > 1 ? std::atof(argv[1]) : 0;
      double peak = 0;
      std::printf(" %g |", idle(asked, peak) - 2 * (d - 2));
      std::fflush(stdout);
    }
  }
  std::printf("\n");
  return report();
}
