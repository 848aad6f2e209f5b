//===- processors-test.cpp - Work that shares processors --------------------===//
//
// Cases that are worked out by hand.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/Plan/Processors.h"
#include "test/Unit/schedule-invariants.h"

using namespace bitpipe;

/// The time at which each of some pieces of work ends that begin at 0.
static std::vector<double> endsOf(int64_t count, const std::vector<double> &work,
                                  const std::vector<double> &low) {
  Processors processors(count);
  std::vector<double> ends(work.size() + low.size());
  for (size_t i = 0; i < work.size(); ++i)
    processors.begin(Processors::Normal, i, work[i]);
  for (size_t i = 0; i < low.size(); ++i)
    processors.begin(Processors::Low, work.size() + i, low[i]);
  for (double now; (now = processors.nextEnd()) != Processors::never;) {
    processors.advance(now);
    for (auto priority : {Processors::Normal, Processors::Low})
      for (int64_t i; (i = processors.takeEnded(priority)) >= 0;)
        ends[i] = now;
  }
  return ends;
}

static void expectEnds(int64_t count, const std::vector<double> &work,
                       const std::vector<double> &low,
                       const std::vector<double> &expected) {
  std::vector<double> ends = endsOf(count, work, low);
  for (size_t i = 0; i < ends.size(); ++i)
    expect(std::abs(ends[i] - expected[i]) < 1e-9,
           "piece " + std::to_string(i) + " on " + std::to_string(count) +
               " processors ends at " + std::to_string(ends[i]) + ", expected " +
               std::to_string(expected[i]));
}

int main() {
  expectEnds(0, {1, 2, 3}, {4}, {1, 2, 3, 4});
  expectEnds(3, {1, 2}, {3}, {1, 2, 3});
  expectEnds(1, {1, 1}, {}, {2, 2});
  expectEnds(1, {1, 2}, {}, {2, 3});
  // Two thirds of a processor each, then the whole.
  expectEnds(2, {2, 2, 4}, {}, {3, 3, 5});
  // 1024 parts of 1134 until the first is done.
  double share = 1024.0 / 1134;
  expectEnds(1, {1}, {1}, {1 / share, 2});
  // Nothing that is ready waits while a processor has nothing to do.
  expectEnds(2, {1}, {1, 1}, {1, 1.5, 1.5});
  return report();
}
