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

Groups Groupings::draw(std::mt19937_64 &random) const {
  auto oneIn = [&](int count) { return random() % count == 0; };
  // One more leaves several that are not full.
  bool more = isOdd && fewest > 2 && oneIn(3);
  int spread = more ? std::min(3, fewest - 1) : fewest > 3 ? 1 + int(random() % 2) : 1;
  Groups groups = missingIn(fewest + more, spread);
  if (fewest + more == 3 && oneIn(2))
    move(groups, 2, 1, int(random() % half), 3);
  struct Range {
    double Groups::*number;
    double low, high;
  };
  for (auto [number, low, high] : {Range{&Groups::approach, 0.5, 1.1},
                                   {&Groups::firstSpread, 0.9, 1.4},
                                   {&Groups::secondSpread, 0.6, 1.2},
                                   {&Groups::behind, 0, 0.5},
                                   {&Groups::early, 0, 0.2}})
    if (!oneIn(2))
      groups.*number = between(low, high, random);
  if (isOdd)
    moveOne(groups, 1 + int(random() % 2), random);
  return groups;
}
