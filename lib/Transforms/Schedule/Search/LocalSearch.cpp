//===- LocalSearch.cpp - A shorter order by small changes ------------------===//

#include "lib/Transforms/Schedule/Search/LocalSearch.h"

#include <algorithm>

using namespace bitpipe::schedule;

/// How far into a block from its ends actions are moved out: what is farther inside is
/// seldom ready.
static constexpr int reach = 5;
/// So many candidates are enough; long paths have more.
static constexpr size_t enough = 200;
/// For so many steps, up to twice as many, actions may not change places again.
static constexpr size_t tenure = 10;
/// Moves at random from the shortest order when a search has stalled.
static constexpr int kicks = 10;

LocalSearch::LocalSearch(const Problem &problem, const Order &order, unsigned seed)
    : graph(problem), random(seed), bound(lowerBound(problem) * (1 + 1e-9)),
      // Going back costs as much as some steps with many actions.
      patience(std::max<size_t>(3000, graph.size() / 200)) {
  graph.set(order);
  shortestLists = graph.lists();
  shortest = graph.makespan();
}

void LocalSearch::consider(const Move &move) {
  if (graph.fits(move))
    candidates.push_back({move, graph.estimate(move)});
}

/// Nothing is gained before the first block of the path or behind its last one.
void LocalSearch::findCandidates() {
  candidates.clear();
  graph.criticalBlocks(blocks, random);
  size_t begin = random() % blocks.size();
  for (size_t i = 0; i < blocks.size() && candidates.size() < enough; ++i) {
    size_t index = (begin + i) % blocks.size();
    auto [device, first, last] = blocks[index];
    bool isLast = index == 0, isFirst = index + 1 == blocks.size();
    for (int k = first + 1; !isFirst && k <= std::min(first + reach, last); ++k)
      consider({device, k, first});
    for (int k = std::max(last - reach, first); !isLast && k < last; ++k)
      consider({device, k, last});
  }
}

bool LocalSearch::isTabu(const Move &move) const {
  const std::vector<int> &own = graph.lists()[move.device];
  int moved = own[move.from];
  for (int i = move.from + 1; i <= move.to; ++i)
    if (tabu.holds(own[i], moved, steps))
      return true;
  for (int i = move.to; i < move.from; ++i)
    if (tabu.holds(moved, own[i], steps))
      return true;
  return false;
}

/// What was moved past may not be moved past again the other way. The move is made.
void LocalSearch::forbid(const Move &move) {
  const std::vector<int> &own = graph.lists()[move.device];
  int moved = own[move.to];
  size_t until = steps + tenure + random() % tenure;
  for (int i = move.from; i < move.to; ++i)
    tabu.add(moved, own[i], until);
  for (int i = move.to + 1; i <= move.from; ++i)
    tabu.add(own[i], moved, until);
}

/// The candidate with the shortest estimate that is not tabu, or is shorter than any
/// order so far; any if there is none.
size_t LocalSearch::choose() {
  size_t chosen = candidates.size();
  int ties = 0;
  for (size_t i = 0; i < candidates.size(); ++i) {
    const auto &[move, length] = candidates[i];
    if (chosen < candidates.size() && length > candidates[chosen].estimate)
      continue;
    if (length >= shortest && isTabu(move))
      continue;
    if (chosen == candidates.size() || length < candidates[chosen].estimate)
      ties = 0;
    if (random() % ++ties == 0)
      chosen = i;
  }
  return chosen < candidates.size() ? chosen : random() % candidates.size();
}

/// Makes the move unless the order would block.
bool LocalSearch::tryCandidate(size_t index) {
  Move move = candidates[index].move;
  candidates[index] = candidates.back();
  candidates.pop_back();
  if (!graph.apply(move))
    return false;
  forbid(move);
  return true;
}

bool LocalSearch::step() {
  ++steps;
  findCandidates();
  while (!candidates.empty())
    if (tryCandidate(choose()))
      return true;
  return false;
}

void LocalSearch::perturb() {
  graph.restore(shortestLists);
  for (int i = 0; i < kicks; ++i) {
    findCandidates();
    while (!candidates.empty() && !tryCandidate(random() % candidates.size()))
      ;
  }
  stalled = 0;
}

void LocalSearch::run(size_t visits) {
  size_t until = graph.visits() + visits;
  while (graph.visits() < until && shortest > bound) {
    bool hasMoved = step();
    double length = graph.makespan();
    ++stalled;
    if (length < shortest) {
      shortest = length;
      shortestLists = graph.lists();
      stalled = 0;
    }
    if (!hasMoved || stalled >= patience)
      perturb();
  }
}

Order LocalSearch::best() {
  graph.restore(shortestLists);
  return graph.order();
}
