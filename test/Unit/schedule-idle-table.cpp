//===- schedule-idle-table.cpp - Idle time against formulas -----------------===//
//
// Prints the table of docs/Schedules.md: per schedule, number of devices and
// micro-batches the idle time of a device, in forwards of one of its own
// stages, and the formula's value behind a bar where that is different.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Families/Shared/Registry.h"
#include "lib/Transforms/Schedule/Simulate/Simulate.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace bitpipe::schedule;

namespace {
struct Formula {
  const char *name, *text;
  double (*idle)(double devices, double groups);
};
} // namespace

static double classic(double d, double) { return 3 * (d - 1); }
static double tight(double d, double) { return 4 * (d - 1); }
static double groups(double d, double k) { return (k + 1) * (d - 2); }
static double early(double d, double) { return 1.5 * (d - 2); }
static double fill(double d, double) { return d - 1; }
static double half(double d, double) { return 3 * d - 5; }
/// Its steps are 4D long; two more where six divides 2D.
static double longWay(double d, double) {
  if (d == 1)
    return 0;
  return 4 * d - 5 + (std::fmod(d, 3) == 0 ? 2 : 0);
}
static double halfFill(double d, double) { return (d - 2) / 2; }

static constexpr Formula formulas[] = {
    {"gpipe", "3(D-1)", classic},
    {"1f1b", "3(D-1)", classic},
    {"bpipe", "3(D-1)", classic},
    {"interleaved", "3(D-1)", classic},
    {"breadth-first", "3(D-1)", classic},
    {"breadth-first-ascending", "3(D-1)", classic},
    {"hanayo", "4(D-1)", tight},
    {"interleaved-zb", "D-1", fill},
    {"zb-h1", "D-1", fill},
    {"zb-h2", "D-1", fill},
    {"zb-v", "D-1", fill},
    {"v-half", "3D-5", half},
    {"v-min", "4D-5", longWay},
    {"dualpipe", "(D-2)/2", halfFill},
    {"dualpipev", "D-1", fill},
    {"chimera", "(K+1)(D-2)", groups},
    {"chimera-doubling", "1.5(D-2)", early},
    {"mixpipe", "1.5(D-2)", early},
    {"bitpipe-published", "(K+1)(D-2)", groups},
    {"bitpipe", "1.5(D-2)", early},
    {"bitpipe-zb", "(D-2)/2", halfFill},
};

static void cell(const Formula &formula, int devices, int count) {
  Request request;
  request.pipeline = formula.name;
  request.devices = devices;
  request.microbatches = count;
  ErrorOr<Schedule> schedule = buildSchedule(request);
  if (!schedule) {
    std::printf(" – |");
    return;
  }
  ErrorOr<Simulated> simulated = simulateAll(std::move(*schedule));
  double idle = 0;
  for (const DeviceUse &use : simulated->use)
    idle = std::max(idle, use.idle);
  double expected = formula.idle(devices, double(count) / devices);
  if (std::abs(idle - expected) < 1e-6)
    std::printf(" %g |", idle);
  else
    std::printf(" **%g**/%g |", idle, expected);
}

int main() {
  std::printf("| schedule | formula |");
  for (int devices : {2, 4, 8, 16, 32})
    for (int k : {1, 2, 4, 8})
      std::printf(" %d, %d |", devices, k * devices);
  std::printf("\n|---|---|");
  for (int i = 0; i < 20; ++i)
    std::printf("---|");
  std::printf("\n");
  for (const Formula &formula : formulas) {
    std::printf("| %s | %s |", formula.name, formula.text);
    for (int devices : {2, 4, 8, 16, 32})
      for (int k : {1, 2, 4, 8})
        cell(formula, devices, k * devices);
    std::printf("\n");
  }
}
