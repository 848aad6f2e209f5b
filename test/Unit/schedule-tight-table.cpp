//===- schedule-tight-table.cpp - bitpipe in 2D activations -----------------===//
//
// Usage: schedule-tight-table even|odd [SECONDS]
// Prints a table of docs/Schedules.md: what bitpipe idles above 2(D-2) with 2D
// activations, for even or odd numbers of micro-batches, searching for SECONDS
// longer than by default. Takes minutes.
//
//===----------------------------------------------------------------------===//

#include "test/Unit/schedule-idle.h"

#include <cstdlib>
#include <string_view>

using namespace bitpipe::schedule;

int main(int argc, char **argv) {
  std::string_view parity = argc > 1 ? argv[1] : "";
  if (parity != "even" && parity != "odd") {
    std::fprintf(stderr, "usage: schedule-tight-table even|odd [SECONDS]\n");
    return 2;
  }
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
      int below = int(share * d) / 2 * 2;
      Request asked = request("bitpipe", d, below + (parity == "odd"));
      asked.memory = 2 * d;
      asked.seconds = argc > 2 ? std::atof(argv[2]) : 0;
      double peak = 0;
      std::printf(" %g |", idle(asked, peak) - 2 * (d - 2));
      std::fflush(stdout);
    }
  }
  std::printf("\n");
  return report();
}
