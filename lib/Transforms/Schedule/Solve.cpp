//===- Solve.cpp - An order near the best for a problem --------------------===//
//
// Orders are constructed, and the best of them made shorter by local search, until
// one meets the lower bound. Waves, scheduled to and fro (Justify.h), meet it at once
// where memory is not short and messages cost little, BitPipe's groups
// (EarlyForwarding.h) in 2D activations. With messages, orders that are good without
// them are a start: they wait where the right action is about to arrive, and keep
// their shape. All is deterministic.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Solve.h"

#include "lib/Transforms/Schedule/EarlyForwarding.h"
#include "lib/Transforms/Schedule/Justify.h"
#include "lib/Transforms/Schedule/LocalSearch.h"

#include <algorithm>
#include <list>
#include <tuple>
#include <cstdio>
#include <cstdlib>

using namespace bitpipe::schedule;

namespace {
class Solver {
public:
  explicit Solver(const Problem &problem)
      : problem(problem), bound(lowerBound(problem) * (1 + 1e-9)), random(1) {}
  Order run(double effort);

private:
  struct Found_ {
    double makespan;
    Order order;
    std::string from;
  };
  bool isDone() const { return !pool.empty() && pool.front().makespan <= bound; }
  size_t affordable(size_t actions) const;
  void offer(Order order, const char *from);
  void tryWaves(size_t actions);
  void tryGroups(size_t actions);
  void tryWithoutMessages();
  void tryGroupsWithoutMessages();
  void search(size_t visits);

  const Problem &problem;
  const double bound;
  std::mt19937_64 random;
  /// The best orders, the best one first.
  static constexpr size_t most = 8;
  std::vector<Found_> pool;
  friend struct Sub;
};
} // namespace

void Solver::offer(Order order, const char *from) {
  double end = makespanOf(problem, order);
  if (end == std::numeric_limits<double>::infinity())
    return;
  auto at = std::find_if(pool.begin(), pool.end(),
                         [&](const Found_ &other) { return end <= other.makespan; });
  if (at != pool.end() && at->makespan == end && at->order == order)
    return;
  pool.insert(at, {end, std::move(order), from});
  if (pool.size() > most)
    pool.pop_back();
}

/// How many orders may be made for so many actions in all, at least a few.
size_t Solver::affordable(size_t actions) const {
  size_t each = size_t(problem.placement.stages()) * problem.placement.microbatches() *
                (problem.split ? 3 : 2);
  return std::max<size_t>(6, actions / each);
}

void Solver::tryWaves(size_t actions) {
  size_t tries = std::min<size_t>(affordable(actions), 1000);
  for (size_t used = 0; used < tries && !isDone();) {
    Found found = justify(problem, drawWave(problem, random), 10, random);
    offer(std::move(found.order), "wave");
    used += found.tries;
  }
}

/// What no device needs more of for groups.
static double memoryOfGroups(const Problem &problem) {
  double activation = 0;
  for (const StageCost &cost : problem.costs.stages)
    activation = std::max(activation, cost.activation);
  return 2 * problem.placement.devices() * activation;
}

void Solver::tryGroups(size_t actions) {
  if (!hasGroups(problem))
    return;
  Groupings groupings(problem);
  size_t tries = std::min<size_t>(affordable(actions), 600);
  for (size_t used = 0; used < tries && !isDone();) {
    Groups groups = used ? groupings.draw(random) : groupings.plain();
    Found found = justify(problem, {groupWave(problem, groups), 0}, 10, random);
    offer(std::move(found.order), "groups");
    used += found.tries;
  }
}

/// Weight gradients right behind their input gradients.
static Order apart(const Order &whole) {
  Order order(whole.size());
  for (size_t device = 0; device < whole.size(); ++device)
    for (Action action : whole[device]) {
      bool isBackward = action.kind == Kind::B;
      action.kind = isBackward ? Kind::I : action.kind;
      order[device].push_back(action);
      if (isBackward)
        order[device].push_back({Kind::W, false, action.stage, action.microbatch});
    }
  return order;
}

void Solver::tryWithoutMessages() {
  Problem simpler = problem;
  simpler.costs.link = {};
  simpler.costs.links.clear();
  Solver solver(simpler);
  solver.tryWaves(2'000'000);
  if (!solver.isDone())
    solver.search(10'000'000);
  for (Found_ &found : solver.pool)
    offer(std::move(found.order), "free");
}

void Solver::tryGroupsWithoutMessages() {
  Problem simpler = problem;
  simpler.costs.link = {};
  simpler.costs.links.clear();
  simpler.split = false;
  for (StageCost &cost : simpler.costs.stages)
    if (problem.split)
      cost.backward = cost.inputGradient + cost.weightGradient;
  double enough = memoryOfGroups(simpler);
  simpler.memory.clear();
  for (int device = 0; device < simpler.placement.devices(); ++device)
    simpler.memory.push_back(std::min(enough, problem.limit(device)));
  if (simpler.check())
    return;
  Solver solver(simpler);
  solver.tryGroups(2'000'000);
  for (Found_ &found : solver.pool)
    offer(problem.split ? apart(found.order) : std::move(found.order), "groups0");
}

/// Of several starts the better half goes on each time, with twice as much.
void Solver::search(size_t visits) {
  std::list<std::pair<LocalSearch, std::string>> searches;
  unsigned seed = 0;
  size_t starts = std::min(pool.size(), most);
  for (size_t i = 0; i < starts; ++i) {
    searches.emplace_back(std::piecewise_construct, std::forward_as_tuple(problem, pool[i].order, ++seed), std::forward_as_tuple(pool[i].from));
  }
  size_t rounds = 1;
  for (size_t n = searches.size(); n > 1; n = (n + 1) / 2) ++rounds;
  bool show = getenv("SHOW");
  while (true) {
    size_t each = visits / rounds / searches.size();
    double shortest = std::numeric_limits<double>::infinity();
    for (auto &[one, from] : searches) {
      double a = one.makespan();
      one.run(each);
      shortest = std::min(shortest, one.makespan());
      if (show) std::fprintf(stderr, "   %s %g -> %g\n", from.c_str(), a - bound, one.makespan() - bound);
      if (shortest <= bound)
        break;
    }
    searches.sort([](const auto &a, const auto &b) { return a.first.makespan() < b.first.makespan(); });
    if (searches.size() == 1 || shortest <= bound)
      break;
    for (size_t left = (searches.size() + 1) / 2; searches.size() > left;)
      searches.pop_back();
  }
  offer(searches.front().first.best(), searches.front().second.c_str());
}

Order Solver::run(double effort) {
  size_t visits = getenv("VISITS") ? atof(getenv("VISITS")) : 100e6;
  tryWaves(2'000'000);
  if (!isDone() && !problem.costs.hasMessages())
    tryGroups(4'000'000);
  if (!isDone() && problem.costs.hasMessages()) {
    tryGroupsWithoutMessages();
    tryWithoutMessages();
  }
  if (!isDone())
    search(visits);
  if (pool.empty()) return {};
  if (getenv("SHOW")) std::fprintf(stderr, "   won by %s\n", pool.front().from.c_str());
  return std::move(pool.front().order);
}

ErrorOr<Order> bitpipe::schedule::solve(const Problem &problem, double effort) {
  if (std::optional<Error> wrong = problem.check())
    return *wrong;
  return Solver(problem).run(effort);
}
