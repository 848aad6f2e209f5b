//===- team-test.cpp - Threads that share a piece of work ------------------===//

#include "lib/Runtime/CPU/Team.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

using namespace bitpipe;

namespace {

int failures = 0;

void expect(bool good, const char *what, int64_t got, int64_t expected) {
  if (good)
    return;
  std::fprintf(stderr, "%s: got %ld, expected %ld\n", what, long(got), long(expected));
  ++failures;
}

const auto nothing = [](uint32_t) {};

/// Every number is worked on once, whatever the size, and each member has its part.
void testParts() {
  for (uint32_t size : {1u, 2u, 3u, 5u}) {
    Team team(size, "a test", 10'000, nothing);
    for (uint32_t sharing = 1; sharing <= size; ++sharing)
      for (int64_t units : {0, 1, 2, 7, 100}) {
        std::vector<int> done(units);
        std::vector<int64_t> parts(sharing);
        team.share(sharing, units, [&](uint32_t member, int64_t begin, int64_t end) {
          parts[member] = end - begin;
          for (int64_t i = begin; i < end; ++i)
            ++done[i];
        });
        int64_t once = std::ranges::count(done, 1);
        expect(once == units, "numbers worked on once", once, units);
        auto [least, most] = std::ranges::minmax(parts);
        expect(most - least <= 1, "difference of two parts", most - least, 1);
      }
  }
}

/// What one piece of work has written the next one sees, whoever does which part; `rest` is
/// how long the caller pauses between two, so that helpers sleep.
void testChain(Nanoseconds spin, int rounds, std::chrono::microseconds rest) {
  Team team(3, "a test", spin, nothing);
  std::vector<int64_t> values = {0, 1, 2};
  for (int round = 0; round < rounds; ++round) {
    std::vector<int64_t> before = values;
    team.run(3, [&](uint32_t member) { values[member] = before[(member + 1) % 3] + 1; });
    if (rest.count())
      std::this_thread::sleep_for(rest);
  }
  int64_t sum = std::accumulate(values.begin(), values.end(), int64_t(0));
  expect(sum == 3 + 3 * rounds, "sum of a chain", sum, 3 + 3 * rounds);
}

/// The error of the first member that has one, once all have ended; then work goes on.
void testErrors() {
  Team team(4, "a test", 0, nothing);
  for (uint32_t first : {0u, 1u, 3u}) {
    std::atomic<int> ended = 0;
    int64_t thrown = -1;
    try {
      team.run(4, [&](uint32_t member) {
        ++ended;
        if (member >= first)
          throw std::runtime_error(std::to_string(member));
      });
    } catch (const std::runtime_error &error) {
      thrown = std::stol(error.what());
    }
    expect(thrown == first, "member whose error is thrown", thrown, first);
    expect(ended == 4, "members that have ended", ended, 4);
    ended = 0;
    team.run(4, [&](uint32_t) { ++ended; });
    expect(ended == 4, "members after an error", ended, 4);
  }
}

/// Every helper enters once; part 0 is the caller's.
void testEnter() {
  std::vector<int> entered(4);
  std::thread::id zero;
  {
    Team team(4, "a test", 0, [&](uint32_t member) { ++entered[member]; });
    team.run(4, [&](uint32_t part) {
      if (part == 0)
        zero = std::this_thread::get_id();
    });
  }
  int good = 0;
  for (uint32_t member = 0; member < 4; ++member)
    good += entered[member] == (member > 0);
  expect(good == 4, "members that entered as they should", good, 4);
  bool same = zero == std::this_thread::get_id();
  expect(same, "whether part 0 is the caller's", same, true);
}

} // namespace

int main() {
  testParts();
  testChain(0, 2'000, {});
  testChain(50'000, 20'000, {});
  testChain(1'000, 50, std::chrono::microseconds(200));
  testErrors();
  testEnter();
  return failures != 0;
}
