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

/// What is missing to full groups is missing in some before the last one.
Groups Groupings::missingIn(int count, int spread) const {
  Groups groups;
  for (int route : {0, 1}) {
    std::vector<int> &sizes = groups.sizes[route];
    sizes.assign(count, half);
    for (int i = 0; i < count * half - microbatches[route]; ++i)
      --sizes[std::max(1, count - 2 - i % spread)];
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

/// At most so many micro-batches from one group to another, in the directions
/// whose bits are set.
void Groupings::move(Groups &groups, int from, int to, int most, int routes) const {
  for (int route : {0, 1}) {
    std::vector<int> &sizes = groups.sizes[route];
    if (from == to || !(routes & 1 << route))
      continue;
    int moved = std::min({most, sizes[from], half - sizes[to]});
    sizes[from] -= moved;
    sizes[to] += moved;
  }
}

/// Between two of the last groups: the others may as well be full.
void Groupings::moveOne(Groups &groups, int routes, std::mt19937_64 &random) const {
  int count = int(groups.sizes[0].size()), last = std::min(count - 1, 4);
  int from = count - 1 - int(random() % last);
  int to = count - 1 - int(random() % last);
  move(groups, from, to, 1, routes);
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
  auto oneIn = [&](int count) { return random() % count == 0; };
  if (isOdd && fewest == 3 && !oneIn(4)) {
    Groups groups = equalMiddle(random);
    drawSpeeds(groups, random);
    return groups;
  }
  // One more leaves several that are not full.
  bool more = isOdd && fewest > 2 && oneIn(3);
  int spread = more ? std::min(3, fewest - 1) : fewest > 3 ? 1 + int(random() % 2) : 1;
  Groups groups = missingIn(fewest + more, spread);
  if (fewest + more == 3 && oneIn(2))
    move(groups, 2, 1, int(random() % half), 3);
  drawSpeeds(groups, random);
  if (isOdd)
    moveOne(groups, 1 + int(random() % 2), random);
  return groups;
}
