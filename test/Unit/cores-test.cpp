//===- cores-test.cpp - How many threads devices have, and where -----------===//

#include "lib/Runtime/Launch/Cores.h"

#include <cstdio>
#include <limits>
#include <numeric>

using namespace bitpipe;

namespace {

int failures = 0;
constexpr double unlimited = std::numeric_limits<double>::infinity();

std::vector<int> cores(int begin, int end) {
  std::vector<int> all(end - begin);
  std::iota(all.begin(), all.end(), begin);
  return all;
}

void expect(const char *what, int64_t got, int64_t expected) {
  if (got == expected)
    return;
  std::fprintf(stderr, "%s: got %ld, expected %ld\n", what, long(got), long(expected));
  ++failures;
}

void testThreads() {
  CoreClaim all8{"a", cores(0, 8), unlimited, false, 2};
  expect("two devices on eight cores", planTeams({all8}, 0, {}).threads, 4);
  expect("two such processes", planTeams({all8, all8}, 1, {}).threads, 2);
  CoreClaim other = all8;
  other.host = "b";
  expect("on two hosts", planTeams({all8, other}, 0, {}).threads, 4);
  CoreClaim left{"a", cores(0, 4), unlimited, true, 2}, right{"a", cores(4, 8), unlimited, true, 1};
  expect("bound to halves, the least for all", planTeams({left, right}, 1, {}).threads, 2);
  all8.quota = 4.5;
  expect("a group with a quota", planTeams({all8}, 0, {}).threads, 2);
  expect("and two processes", planTeams({all8, all8}, 0, {}).threads, 1);
  all8.devices = 9;
  expect("more devices than cores", planTeams({all8}, 0, {}).threads, 1);
  expect("as asked", planTeams({all8}, 0, 3).threads, 3);
}

void testPlaces() {
  CoreClaim one{"a", cores(0, 8), unlimited, false, 1}, three = one;
  three.devices = 3;
  TeamPlan plan = planTeams({one, three}, 1, {2});
  expect("devices with places", int64_t(plan.processors.size()), 3);
  expect("the first place behind the other process", plan.processors[0][0], 2);
  expect("the last place", plan.processors[2][1], 7);
  expect("crowded", plan.crowded(), false);
  expect("places where cores are left", int64_t(planTeams({three}, 0, {2}).processors.size()), 0);
  expect("crowded by more threads", planTeams({three}, 0, {3}).crowded(), true);
  three.narrowed = true;
  expect("places of who was given some", int64_t(planTeams({one, three}, 1, {2}).processors.size()), 0);
}

void testThisProcess() {
  CoreClaim mine = claimCores(1);
  expect("cores of this process, at least one", mine.cores.empty(), false);
  expect("its quota is above 0", mine.quota > 0, true);
  World world;
  expect("threads of this process, at least one", planTeams(world, 1, {}).threads > 0, true);
}

} // namespace

int main() {
  testThreads();
  testPlaces();
  testThisProcess();
  return failures != 0;
}
