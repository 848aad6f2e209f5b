//===- EarlyForwarding.cpp - BitPipe's groups, without a gap ---------------===//

#include "lib/Transforms/Schedule/EarlyForwarding.h"

#include "lib/Transforms/Schedule/Breed.h"
#include "lib/Transforms/Schedule/GroupWave.h"

#include <algorithm>
#include <utility>

using namespace bitpipe::schedule;

namespace {
/// What changes: a number of groups, drawn from where to where, and by how much
/// at most; or, without a number, the sizes.
struct Change {
  double Groups::*number = nullptr;
  double low = 0, high = 0, step = 0;
};
constexpr Change changes[] = {{&Groups::approach, 0.5, 1.1, 0.15},
                              {&Groups::firstSpread, 0.9, 1.4, 0.2},
                              {&Groups::secondSpread, 0.6, 1.2, 0.2},
                              {},
                              {},
                              {&Groups::behind, 0, 0.5, 0.1},
                              {&Groups::early, 0, 0.2, 0.1}};

class Groupings {
public:
  Groupings(const Problem &problem, std::mt19937_64 &random);
  Found run(size_t tries);

private:
  bool oneIn(int count) { return random() % count == 0; }
  int below(int count) { return int(random() % count); }
  Groups plain(int count, int spread) const;
  Groups draw();
  Groups change(Groups groups);
  void move(Groups &groups, int from, int to, int most, int routes);
  void moveOne(Groups &groups, int routes);

  const Problem &problem;
  std::mt19937_64 &random;
  const int half;
  /// Groups, if as many as possible are full.
  const int fewest;
  const bool isOdd;
};
} // namespace

Groupings::Groupings(const Problem &problem, std::mt19937_64 &random)
    : problem(problem), random(random), half(problem.placement.devices() / 2),
      fewest((problem.placement.microbatches() + 2 * half - 1) / (2 * half)),
      isOdd(problem.placement.microbatches() % 2) {}

/// What is missing to full groups is missing in some before the last one.
Groups Groupings::plain(int count, int spread) const {
  Groups groups;
  for (size_t route = 0; route < 2; ++route) {
    std::vector<int> &sizes = groups.sizes[route];
    sizes.assign(count, half);
    int all = int(problem.placement.routes()[route].microbatches.size());
    for (int i = 0; i < count * half - all; ++i)
      --sizes[std::max(1, count - 2 - i % spread)];
  }
  return groups;
}

/// At most so many micro-batches from one group to another, in the directions
/// whose bits are set.
void Groupings::move(Groups &groups, int from, int to, int most, int routes) {
  for (int route = 0; route < 2; ++route) {
    std::vector<int> &sizes = groups.sizes[route];
    if (from == to || !(routes & 1 << route))
      continue;
    int moved = std::min({most, sizes[from], half - sizes[to]});
    sizes[from] -= moved;
    sizes[to] += moved;
  }
}

/// Between two of the last groups: the others may as well be full.
void Groupings::moveOne(Groups &groups, int routes) {
  int count = int(groups.sizes[0].size()), last = std::min(count - 1, 4);
  int from = count - 1 - below(last);
  int to = count - 1 - below(last);
  move(groups, from, to, 1, routes);
}

Groups Groupings::draw() {
  // One more leaves several that are not full.
  bool more = isOdd && fewest > 2 && oneIn(3);
  int spread = more ? std::min(3, fewest - 1) : fewest > 3 ? 1 + below(2) : 1;
  Groups groups = plain(fewest + more, spread);
  if (fewest + more == 3 && oneIn(2))
    move(groups, 2, 1, below(half), 3);
  for (const Change &change : changes)
    if (change.number && !oneIn(2))
      groups.*change.number = between(change.low, change.high, random);
  if (isOdd)
    moveOne(groups, 1 + below(2));
  return groups;
}

/// One to three of the changes.
Groups Groupings::change(Groups groups) {
  for (int times = 1 + below(3); times > 0; --times) {
    const auto &[number, low, high, step] = changes[below(std::size(changes))];
    if (number)
      groups.*number += between(-step, step, random);
    else
      moveOne(groups, isOdd ? 1 + below(3) : 3);
  }
  return groups;
}

Found Groupings::run(size_t tries) {
  Breed<Groups> how;
  bool isFirst = true;
  how.draw = [&] {
    return std::exchange(isFirst, false) ? plain(fewest, 1) : draw();
  };
  how.change = [&](Groups groups) { return change(std::move(groups)); };
  how.priorities = [&](const Groups &groups) {
    return groupWave(problem, groups);
  };
  how.kept = 20;
  how.drawn = 6;
  how.patience = 10;
  // All of them or none come within a micro-batch's work.
  how.trial = 60;
  how.near = intervalOf(problem) / 2;
  return breed(problem, how, tries, random);
}

Found bitpipe::schedule::forwardEarly(const Problem &problem, size_t tries,
                                      std::mt19937_64 &random) {
  return Groupings(problem, random).run(tries);
}
