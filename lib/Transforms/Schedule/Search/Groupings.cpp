//===- Groupings.cpp - BitPipe's groups, without a gap ---------------------===//

#include "lib/Transforms/Schedule/Search/Groupings.h"

#include "lib/Transforms/Schedule/Search/Justify.h"

#include <algorithm>

using namespace bitpipe::schedule;

Groupings::Groupings(const Problem &problem)
    : half(problem.placement.devices() / 2),
      fewest((problem.placement.microbatches() + 2 * half - 1) / (2 * half)),
      isOdd(problem.placement.microbatches() % 2) {
  for (int route : {0, 1})
    microbatches[route] = int(problem.placement.routes()[route].microbatches.size());
}

Groups Groupings::plain() const {
  Groups groups;
  for (int route : {0, 1}) {
    std::vector<int> &sizes = groups.sizes[route];
    sizes.assign(fewest, half);
    sizes[std::max(1, fewest - 2)] -= fewest * half - microbatches[route];
  }
  return groups;
}

/// Three groups of which the second one is the same in both directions, and holds about
/// half of what the first one leaves: of an odd number of micro-batches the last group
/// has one more in one direction, where it disturbs none behind it.
Groups Groupings::equalMiddle(std::mt19937_64 &random) const {
  int fewer = std::min(microbatches[0], microbatches[1]) - half;
  int more = std::max(microbatches[0], microbatches[1]) - half;
  int middle = std::clamp(more / 2 - 1 + int(random() % 4), std::max(0, more - half),
                          std::min(half, fewer));
  Groups groups;
  for (int route : {0, 1})
    groups.sizes[route] = {half, middle, microbatches[route] - half - middle};
  return groups;
}

namespace {
/// What is drawn of the speeds of groups, and how far from others that are good.
struct Range {
  double Groups::*number;
  double low, high, near;
};
} // namespace
static constexpr Range ranges[] = {{&Groups::approach, 0.5, 1.1, 0.06},
                                   {&Groups::firstSpread, 0.9, 1.4, 0.05},
                                   {&Groups::secondSpread, 0.6, 1.2, 0.06},
                                   {&Groups::behind, 0, 0.5, 0.05},
                                   {&Groups::early, 0, 0.2, 0.02}};

void Groupings::drawSpeeds(Groups &groups, std::mt19937_64 &random) const {
  for (const Range &range : ranges)
    if (random() % 2)
      groups.*range.number = between(range.low, range.high, random);
}

Groups Groupings::drawNear(Groups groups, std::mt19937_64 &random) const {
  for (const Range &range : ranges)
    if (random() % 2) {
      double &number = groups.*range.number;
      number = std::clamp(number + between(-range.near, range.near, random),
                          range.low, range.high);
    }
  return groups;
}

Groups Groupings::draw(std::mt19937_64 &random) const {
  Groups groups = isOdd && fewest == 3 ? equalMiddle(random) : plain();
  drawSpeeds(groups, random);
  return groups;
}
