//===- Solve.cpp - An order near the best for a problem --------------------===//
//
// From the quickest to the most patient way, until one meets the lower bound.
// Waves, scheduled to and fro (Justify.h), meet it at once where memory is not
// short and messages cost little, BitPipe's groups (EarlyForwarding.h) in 2D
// activations. Policies (ListScheduler.h) never run out of memory; they are
// ranked on a short version of the problem, where fill and drain, the only places
// where good policies differ, look alike; their best orders are scheduled to and
// fro, too. Last, where little memory makes the steady state a long cycle,
// policies are brought out of step (DisturbPolicies.h). With messages, orders
// that are good without them are a start. All are deterministic; time, if given,
// goes into waves of other shapes (BreedWaves.h), more of the same, and a local
// search.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Solve.h"

#include "lib/Transforms/Schedule/Anneal.h"
#include "lib/Transforms/Schedule/BreedWaves.h"
#include "lib/Transforms/Schedule/DisturbPolicies.h"
#include "lib/Transforms/Schedule/EarlyForwarding.h"
#include "lib/Transforms/Schedule/GroupWave.h"
#include "lib/Transforms/Schedule/Justify.h"
#include "lib/Transforms/Schedule/Policies.h"
#include "lib/Transforms/Schedule/Shorten.h"

#include <algorithm>
#include <chrono>

using namespace bitpipe::schedule;
using Clock = std::chrono::steady_clock;

namespace {
class Solver {
public:
  explicit Solver(const Problem &problem)
      : problem(problem), bound(lowerBound(problem) * (1 + 1e-9)), random(1) {}
  Order run(double seconds);

private:
  bool isDone() const { return shortest <= bound; }
  void offer(Order order);
  size_t affordable(const Problem &problem, size_t actions) const;
  void rank(std::vector<Policy> &policies, const Problem &problem) const;
  void tryWaves(size_t actions, size_t patience);
  bool isForGroups() const;
  void tryGroups(size_t actions, int searches);
  void tryWithoutMessages();
  void tryGroupsOf(Problem simpler);
  void tryPolicies(size_t actions);
  void tryToAndFro(size_t actions);
  void tryDisturbed(size_t actions);
  void search(size_t actions, int searches);
  void spend(double seconds);

  const Problem &problem;
  const double bound;
  std::mt19937_64 random;
  /// Searches for groups, each with random numbers of its own.
  unsigned searched = 0;
  /// The best orders that policies made, the best first.
  static constexpr size_t mostGood = 6;
  std::vector<std::pair<double, Order>> good;
  Order best;
  double shortest = std::numeric_limits<double>::infinity();
};
} // namespace

void Solver::offer(Order order) {
  double end = makespanOf(problem, order);
  if (end >= shortest)
    return;
  shortest = end;
  best = std::move(order);
}

/// How many orders may be made for so many actions in all, at least a few.
size_t Solver::affordable(const Problem &problem, size_t actions) const {
  size_t each = size_t(problem.placement.stages()) *
                problem.placement.microbatches() * (problem.split ? 3 : 2);
  return std::max<size_t>(6, actions / each);
}

/// Many waves with little patience each, or fewer with more.
void Solver::tryWaves(size_t actions, size_t patience) {
  size_t tries = std::min<size_t>(affordable(problem, actions), 100 * patience);
  for (size_t used = 0; used < tries && !isDone();) {
    Found found = justify(problem, wave(problem, random), patience, random);
    offer(std::move(found.order));
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

/// Where there is more memory than groups need, other orders idle less.
bool Solver::isForGroups() const {
  double enough = memoryOfGroups(problem) * (1 + 1e-9);
  for (int device = 0; device < problem.placement.devices(); ++device)
    if (problem.limit(device) > enough)
      return false;
  return hasGroups(problem) && !problem.costs.hasMessages();
}

/// A search that came near and does not meet the bound is best begun anew.
void Solver::tryGroups(size_t actions, int searches) {
  size_t tries = std::min<size_t>(affordable(problem, actions), 15'000);
  bool isNear = isForGroups();
  for (; isNear && searches > 0 && !isDone(); --searches) {
    std::mt19937_64 anew(++searched);
    Found found = forwardEarly(problem, tries, anew);
    isNear = found.tries >= tries;
    offer(std::move(found.order));
  }
}

/// Schedulers that let no device wait while it could do something take the next
/// best thing where the right one is about to arrive. An order that is good
/// without messages waits, and keeps its shape.
void Solver::tryWithoutMessages() {
  Problem simpler = problem;
  simpler.costs.link = {};
  simpler.costs.links.clear();
  Solver solver(simpler);
  solver.search(10'000'000, 1);
  offer(std::move(solver.best));
  tryGroupsOf(std::move(simpler));
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
        order[device].push_back(
            {Kind::W, false, action.stage, action.microbatch});
    }
  return order;
}

/// Of all orders those of groups mind messages least: while a slot is worked
/// off, the messages of the one before arrive. They need no more than 2D
/// activations, and more would only lead astray.
void Solver::tryGroupsOf(Problem simpler) {
  simpler.split = false;
  for (StageCost &cost : simpler.costs.stages)
    if (problem.split)
      cost.backward = cost.inputGradient + cost.weightGradient;
  double enough = memoryOfGroups(simpler);
  simpler.memory.clear();
  for (int device = 0; device < simpler.placement.devices(); ++device)
    simpler.memory.push_back(std::min(enough, problem.limit(device)));
  Solver solver(simpler);
  solver.tryGroups(10'000'000, 1);
  offer(problem.split ? apart(solver.best) : std::move(solver.best));
}

/// The policies, best first on a problem.
void Solver::rank(std::vector<Policy> &policies, const Problem &problem) const {
  std::vector<std::pair<double, size_t>> ranks;
  double bound = lowerBound(problem) * (1 + 1e-9);
  size_t tries = std::min(policies.size(), affordable(problem, 2'000'000));
  // Some that meet the bound leave enough choice.
  size_t meeting = 0;
  for (size_t i = 0; i < tries && meeting < 12; ++i) {
    Order order = listSchedule(problem, policies[i]);
    double end = makespanOf(problem, order);
    ranks.push_back({end, i});
    meeting += end <= bound;
  }
  std::sort(ranks.begin(), ranks.end());
  std::vector<Policy> sorted;
  for (auto [end, index] : ranks)
    sorted.push_back(policies[index]);
  policies = std::move(sorted);
}

void Solver::tryPolicies(size_t actions) {
  std::vector<Policy> policies = makePolicies(problem);
  int enough = 3 * problem.placement.devices();
  if (problem.placement.microbatches() > enough)
    rank(policies, shorten(problem, enough));
  size_t tries = std::min(policies.size(), affordable(problem, actions));
  for (size_t i = 0; i < tries && !isDone(); ++i) {
    Order order = listSchedule(problem, policies[i]);
    double end = makespanOf(problem, order);
    auto at = std::find_if(good.begin(), good.end(), [&](const auto &other) {
      return end <= other.first;
    });
    // Policies often agree.
    if (at != good.end() && at->first == end && at->second == order)
      continue;
    good.insert(at, {end, order});
    if (good.size() > mostGood)
      good.pop_back();
    offer(std::move(order));
  }
}

void Solver::tryToAndFro(size_t actions) {
  size_t tries = affordable(problem, actions / mostGood);
  tries = std::min<size_t>(tries, 400);
  for (size_t i = 0; i < good.size() && !isDone(); ++i) {
    Priorities priorities = prioritiesOf(problem, good[i].second);
    offer(justify(problem, std::move(priorities), tries, random).order);
  }
}

/// On versions with fewer cycles of the steady state first, so that more can
/// be tried; D - 2 micro-batches make a cycle with most policies.
void Solver::tryDisturbed(size_t actions) {
  size_t devices = problem.placement.devices();
  size_t cycle = std::max<size_t>(1, devices / 2 - 1);
  std::vector<Problem> versions;
  for (size_t least : {5 * devices / 2, 4 * devices})
    versions.push_back(withoutCycles(problem, cycle, least));
  versions.push_back(problem);
  auto sameSize = [](const Problem &a, const Problem &b) {
    return a.placement.microbatches() == b.placement.microbatches();
  };
  versions.erase(std::unique(versions.begin(), versions.end(), sameSize),
                 versions.end());
  auto isEnough = [&](const Policy &policy) {
    offer(listSchedule(problem, policy, shortest));
    return isDone();
  };
  for (const Problem &version : versions) {
    size_t tries = affordable(version, actions / versions.size());
    tries = std::min<size_t>(tries, 6000);
    for (const Policy &policy :
         disturbPolicies(version, tries, random, isEnough))
      if (!isDone())
        offer(listSchedule(problem, policy, shortest));
    if (isDone())
      return;
  }
}

/// Two thirds of the time in more waves or groups and policies, the rest in a
/// local search.
void Solver::spend(double seconds) {
  Clock::time_point begin = Clock::now();
  auto left = [&](double until) {
    return until - std::chrono::duration<double>(Clock::now() - begin).count();
  };
  // Some millions of actions are scheduled in a second.
  auto actions = [&](double most) {
    return size_t(std::clamp(5e6 * left(seconds * 2 / 3), 0.0, most));
  };
  while (left(seconds * 2 / 3) > 0 && !isDone()) {
    tryToAndFro(1'000'000);
    if (isForGroups())
      tryGroups(actions(130e6), 1);
    else
      offer(breedWaves(problem, affordable(problem, actions(30e6)), random).order);
    if (!isForGroups() && !problem.split && !isDone())
      tryDisturbed(actions(14e6));
  }
  if (!isDone() && left(seconds) > 0)
    offer(anneal(problem, best, left(seconds)));
}

/// All that takes a known number of actions; groups may take so many, so often.
void Solver::search(size_t actions, int searches) {
  tryWaves(2'000'000, 10);
  if (!isDone() && problem.costs.hasMessages())
    tryWithoutMessages();
  if (!isDone())
    tryGroups(actions, searches);
  if (!isDone())
    tryPolicies(2'000'000);
  if (!isDone())
    tryToAndFro(6'000'000);
  if (!isDone())
    tryWaves(6'000'000, 120);
  if (!isDone() && !problem.split)
    tryDisturbed(14'000'000);
}

Order Solver::run(double seconds) {
  search(200'000'000, 6);
  spend(seconds);
  return std::move(best);
}

ErrorOr<Order> bitpipe::schedule::solve(const Problem &problem,
                                        double seconds) {
  if (std::optional<Error> wrong = problem.check())
    return *wrong;
  return Solver(problem).run(seconds);
}
