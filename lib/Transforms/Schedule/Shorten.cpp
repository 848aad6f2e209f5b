//===- Shorten.cpp - The same problem with fewer micro-batches -------------===//

#include "lib/Transforms/Schedule/Shorten.h"

#include <algorithm>
#include <cmath>

using namespace bitpipe::schedule;

/// The problem with other numbers of micro-batches on its routes.
static Problem resize(const Problem &problem,
                      const std::vector<size_t> &counts) {
  std::vector<Route> routes;
  // Those of the routes come in turn, spread evenly as in the problem itself.
  std::vector<std::pair<double, size_t>> turns;
  for (size_t r = 0; r < counts.size(); ++r) {
    routes.push_back({problem.placement.routes()[r].devices, {}});
    for (size_t i = 0; i < counts[r]; ++i)
      turns.push_back({(i + 0.5) / counts[r], r});
  }
  std::sort(turns.begin(), turns.end());
  for (size_t m = 0; m < turns.size(); ++m)
    routes[turns[m].second].microbatches.push_back(int(m));
  Problem result = problem;
  result.placement =
      *Placement::make(problem.placement.devices(), std::move(routes));
  return result;
}

Problem bitpipe::schedule::shorten(const Problem &problem, size_t count) {
  std::vector<size_t> counts;
  for (const Route &route : problem.placement.routes()) {
    double share = double(route.microbatches.size()) * count /
                   problem.placement.microbatches();
    counts.push_back(
        std::min(route.microbatches.size(), size_t(std::ceil(share))));
  }
  return resize(problem, counts);
}

Problem bitpipe::schedule::withoutCycles(const Problem &problem, size_t cycle,
                                         size_t least) {
  const std::vector<Route> &routes = problem.placement.routes();
  size_t all = problem.placement.microbatches(), fewest = all;
  for (const Route &route : routes)
    fewest = std::min(fewest, route.microbatches.size());
  size_t cycles = all > least ? (all - least) / (cycle * routes.size()) : 0;
  cycles = std::min(cycles, fewest / cycle);
  std::vector<size_t> counts;
  for (const Route &route : routes)
    counts.push_back(route.microbatches.size() - cycles * cycle);
  return resize(problem, counts);
}
