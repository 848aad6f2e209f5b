//===- Solve.cpp - An order near the best for a problem --------------------===//
//
// Policies are many and cheap to try, so they are tried: first on a short
// version of the problem with few micro-batches, where fill and drain, the only
// places where good policies differ, look alike; then the best ones at length,
// until one meets the lower bound.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Solve.h"

#include "lib/Transforms/Schedule/Anneal.h"
#include "lib/Transforms/Schedule/ListScheduler.h"
#include "lib/Transforms/Schedule/Simulate.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace bitpipe::schedule;

/// Rules that need no numbers.
static void addPlainPolicies(std::vector<Policy> &policies, int tidy,
                             int entered) {
  using Forward = Policy::Forward;
  using Backward = Policy::Backward;
  for (bool forwardsFirst : {false, true})
    for (Forward forward :
         {Forward::LateStage, Forward::Oldest, Forward::EarlyStage})
      for (Backward backward :
           {Backward::EarlyStage, Backward::LateStage, Backward::Oldest}) {
        Policy &policy = policies.emplace_back();
        policy.forwardsFirst = forwardsFirst;
        policy.forward = forward;
        policy.backward = backward;
        policy.tidy = tidy;
        policy.entered = entered;
      }
}

/// Forwards fill the memory, then each backward lets one forward in; stages are
/// kept in balance, later passes `lead` ahead. The first few backwards come at
/// once, so that the gradient of the first micro-batch is not kept from the
/// devices that have filled their memory and wait for it.
static void addBalancedPolicies(std::vector<Policy> &policies, int devices,
                                int mostEager) {
  double half = devices / 2.0;
  Policy policy;
  policy.forwardsFirst = true;
  policy.backward = Policy::Backward::Balanced;
  for (int entered : {0, devices, devices - 1, devices + 1})
    for (double lead : {half, half + 1, half - 1, 2 * half, half / 2})
      for (int eager = 0; eager <= mostEager; ++eager)
        for (bool eagerLastPass : {false, true}) {
          policy.lead = lead;
          policy.eager = eager;
          policy.entered = entered;
          policy.eagerLastPass = eagerLastPass;
          policies.push_back(policy);
        }
}

/// The same for one middle device, which turns over both directions, so that a
/// micro-batch is longer under way: up to 1.3D may have entered at each end,
/// and nearly D backwards come before forwards; few in a short batch.
static void addMiddlePolicies(std::vector<Policy> &policies, int devices) {
  Policy policy;
  policy.forwardsFirst = true;
  policy.backward = Policy::Backward::Balanced;
  auto add = [&](int from, int to) {
    for (policy.eager = from; policy.eager >= to; --policy.eager)
      for (bool eagerLastPass : {false, true}) {
        policy.eagerLastPass = eagerLastPass;
        policies.push_back(policy);
      }
  };
  for (double lead : {0.5 * devices, 0.5 * devices + 1}) {
    policy.lead = lead;
    add(devices / 6 + 1, 1);
  }
  for (int percent : {0, 120, 125, 130, 113})
    for (double lead : {0.5, 0.6, 0.66}) {
      policy.entered = devices * percent / 100;
      policy.lead = lead * devices;
      add(devices, devices * 2 / 3);
    }
}

/// All policies worth a try, the most promising first.
static std::vector<Policy> makePolicies(const Problem &problem) {
  int devices = problem.placement.devices();
  std::vector<Policy> policies;
  addPlainPolicies(policies, 0, 0);
  // One middle device: what enters from both ends must not crowd out what
  // comes back.
  if (problem.split && devices % 2) {
    addPlainPolicies(policies, 1, (devices * 2 + 3) / 4);
    addPlainPolicies(policies, 0, (devices * 3 + 3) / 4);
  }
  if (!problem.split && devices % 2)
    addMiddlePolicies(policies, devices);
  addBalancedPolicies(policies, devices, problem.split ? 3 : devices);
  // Tight memory: what waits for its weight gradient holds some, and what has
  // just entered holds it longest.
  for (int quarter : {0, 4, 3, 2, 5, 6})
    for (int tidy = 0; tidy <= (problem.split ? 6 : 0); ++tidy)
      if (quarter || tidy)
        addPlainPolicies(policies, tidy, (devices * quarter + 3) / 4);
  if (problem.split)
    addBalancedPolicies(policies, devices, devices);
  return policies;
}

/// The problem with about `count` micro-batches, in the shares of its routes.
static Problem shorten(const Problem &problem, int count) {
  const std::vector<Route> &all = problem.placement.routes();
  std::vector<Route> routes;
  // Those of the routes come in turn, spread evenly as in the problem itself.
  std::vector<std::pair<double, size_t>> turns;
  for (size_t r = 0; r < all.size(); ++r) {
    routes.push_back({all[r].devices, {}});
    double size = all[r].microbatches.size();
    double share = count * size / problem.placement.microbatches();
    size = std::min(size, std::ceil(share));
    for (int i = 0; i < size; ++i)
      turns.push_back({(i + 0.5) / size, r});
  }
  std::sort(turns.begin(), turns.end());
  for (size_t m = 0; m < turns.size(); ++m)
    routes[turns[m].second].microbatches.push_back(int(m));
  Problem result = problem;
  result.placement =
      *Placement::make(problem.placement.devices(), std::move(routes));
  return result;
}

static double makespan(const Problem &problem, const Order &order) {
  ErrorOr<Timing> timing = simulate(problem.placement, order, problem.costs);
  return timing ? timing->makespan : std::numeric_limits<double>::infinity();
}

static size_t actionCount(const Problem &problem) {
  return size_t(problem.placement.stages()) *
         problem.placement.microbatches() * (problem.split ? 3 : 2);
}

/// How many orders are made at most: some seconds' worth, at least a few.
static size_t affordable(const Problem &problem) {
  return std::max<size_t>(6, 3'000'000 / actionCount(problem));
}

/// The policies, best first on the problem.
static void rank(std::vector<Policy> &policies, const Problem &problem) {
  std::vector<std::pair<double, size_t>> ranks;
  double bound = lowerBound(problem) * (1 + 1e-9);
  size_t tries = std::min(policies.size(), affordable(problem)), meeting = 0;
  // Some that meet the bound leave enough choice.
  for (size_t i = 0; i < tries && meeting < 12; ++i) {
    double end = makespan(problem, listSchedule(problem, policies[i]));
    ranks.push_back({end, i});
    meeting += end <= bound;
  }
  std::sort(ranks.begin(), ranks.end());
  std::vector<Policy> sorted;
  for (auto [end, index] : ranks)
    sorted.push_back(policies[index]);
  policies = std::move(sorted);
}

ErrorOr<Order> bitpipe::schedule::solve(const Problem &problem,
                                        double seconds) {
  if (std::optional<Error> wrong = problem.check())
    return *wrong;
  std::vector<Policy> policies = makePolicies(problem);

  int enough = 3 * problem.placement.devices();
  if (problem.placement.microbatches() > enough)
    rank(policies, shorten(problem, enough));

  double bound = lowerBound(problem) * (1 + 1e-9);
  double best = std::numeric_limits<double>::infinity();
  Order result;
  size_t tries = affordable(problem);
  for (const Policy &policy : policies) {
    if (tries-- == 0)
      break;
    Order order = listSchedule(problem, policy);
    double end = makespan(problem, order);
    if (end >= best)
      continue;
    best = end;
    result = std::move(order);
    if (best <= bound)
      return result;
  }
  return seconds > 0 ? anneal(problem, std::move(result), seconds) : result;
}
