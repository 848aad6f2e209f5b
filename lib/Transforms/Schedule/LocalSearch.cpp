//===- LocalSearch.cpp - A shorter order by small changes ------------------===//

#include "lib/Transforms/Schedule/LocalSearch.h"

#include "lib/Transforms/Schedule/OrderGraph.h"

#include <algorithm>
#include <cstdlib>
#include <cstdio>

using namespace bitpipe::schedule;

static double parameter(const char *name, double value) {
  const char *text = std::getenv(name);
  return text ? std::atof(text) : value;
}

static const int reach = int(parameter("REACH", 5));
static const int tenure = int(parameter("TENURE", 10));
static const size_t patience = size_t(parameter("PATIENCE", 1000));
static const int kicks = int(parameter("KICKS", 10));

LocalSearch::LocalSearch(const Problem &problem, const Order &order, unsigned seed)
    : problem(problem), graph(problem), random(seed),
      bound(lowerBound(problem) * (1 + 1e-9)) {
  graph.set(order);
  shortestLists = graph.lists();
  shortest = graph.makespan();
}

void LocalSearch::consider(const Move &move) {
  if (!graph.fits(move))
    return;
  estimated += 2 * size_t(std::abs(move.from - move.to) + 1);
  candidates.push_back({move, graph.estimate(move)});
}

void LocalSearch::findCandidates() {
  candidates.clear();
  graph.criticalBlocks(blocks, random);
  for (size_t i = 0; i < blocks.size(); ++i) {
    auto [device, first, last] = blocks[i];
    bool isLast = i == 0, isFirst = i + 1 == blocks.size();
    if (!isFirst)
      for (int k = first + 1; k <= std::min(first + reach, last); ++k)
        consider({device, k, first});
    if (!isLast)
      for (int k = std::max(last - reach, first); k < last; ++k)
        consider({device, k, last});
  }
}

bool LocalSearch::isTabu(const Move &move) const {
  const std::vector<int> &own = graph.lists()[move.device];
  int step = move.from < move.to ? 1 : -1, task = own[move.from];
  for (int i = move.from + step; i != move.to + step; i += step)
    if (step > 0 ? tabu.holds(own[i], task, now) : tabu.holds(task, own[i], now))
      return true;
  return false;
}

/// What was moved past may not come behind again for a while.
void LocalSearch::forbid(const Move &move) {
  const std::vector<int> &own = graph.lists()[move.device];
  int task = own[move.to];
  size_t until = now + tenure + random() % tenure;
  for (int i = move.from; i < move.to; ++i)
    tabu.add(task, own[i], until);
  for (int i = move.to + 1; i <= move.from; ++i)
    tabu.add(own[i], task, until);
}

/// The shortest by estimate of those that are not forbidden, or any if all are.
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

bool LocalSearch::step() {
  findCandidates();
  while (!candidates.empty()) {
    size_t chosen = choose();
    Move move = candidates[chosen].move;
    candidates[chosen] = candidates.back();
    candidates.pop_back();
    if (!graph.apply(move))
      continue;
    forbid(move);
    return true;
  }
  return false;
}

void LocalSearch::perturb() {
  graph.restore(shortestLists);
  for (int i = 0; i < kicks; ++i) {
    findCandidates();
    for (bool done = false; !done && !candidates.empty();) {
      size_t chosen = random() % candidates.size();
      done = graph.apply(candidates[chosen].move);
      candidates[chosen] = candidates.back();
      candidates.pop_back();
    }
  }
}

void LocalSearch::run(size_t visits) {
  size_t until = graph.visits() + estimated + visits;
  while (graph.visits() + estimated < until && shortest > bound) {
    ++now;
    if (!step())
      stalled = patience;
    double length = graph.makespan();
    if (length < shortest) {
      shortest = length;
      shortestLists = graph.lists();
      stalled = 0;
    } else if (++stalled >= patience) {
      perturb();
      stalled = 0;
    }
  }
}

Order LocalSearch::best() {
  graph.restore(shortestLists);
  return graph.order();
}
