//===- DisturbPolicies.cpp - Policies out of step --------------------------===//

#include "lib/Transforms/Schedule/DisturbPolicies.h"

#include <algorithm>
#include <limits>

using namespace bitpipe::schedule;

namespace {
/// So many policies are kept and changed. A search draws that many times before
/// it changes what it has, and another one starts anew after so many tries.
constexpr size_t kept = 12, drawn = 500, patience = 2000;
/// At most so many changes to a policy.
constexpr size_t mostChanges = 4;

class Search {
public:
  Search(const Problem &problem, std::mt19937_64 &random)
      : problem(problem), random(random),
        devices(problem.placement.devices()),
        perRoute(problem.placement.microbatches() /
                 problem.placement.routes().size()),
        isEven(problem.placement.microbatches() %
                   problem.placement.routes().size() ==
               0) {}
  std::vector<Policy> run(size_t tries,
                          const std::function<bool(const Policy &)> &isEnough);

private:
  using Ranked = std::pair<double, Policy>;
  int below(int count) { return int(random() % std::max(count, 1)); }
  Policy::Change draw();
  Policy balanced();
  Policy neighbour(Policy policy);
  static void add(std::vector<Ranked> &ranked, double end, Policy policy);

  const Problem &problem;
  std::mt19937_64 &random;
  int devices, perRoute;
  bool isEven;
};
} // namespace

Policy::Change Search::draw() {
  Policy::Change change;
  change.from = below(perRoute);
  change.to = change.from + 1 + below(devices);
  // One direction alone evens out unequal shares.
  int routes = int(problem.placement.routes().size());
  change.route = isEven || below(2) ? -1 : below(routes);
  change.entered = std::max(1, devices - 4 + below(7));
  change.lead = devices / 2.0 + (below(2) ? below(9) - 4 : 0);
  return change;
}

Policy Search::balanced() {
  Policy policy;
  policy.forwardsFirst = true;
  policy.backward = Policy::Backward::Balanced;
  policy.lead = devices / 2.0;
  policy.entered = devices;
  policy.eager = below(devices + 1);
  policy.changes = {draw()};
  return policy;
}

/// One change more, another one instead, or one moved or strengthened a little.
Policy Search::neighbour(Policy policy) {
  std::vector<Policy::Change> &changes = policy.changes;
  Policy::Change &change = changes[below(int(changes.size()))];
  switch (below(4)) {
  case 0:
    if (changes.size() < mostChanges)
      changes.push_back(draw());
    break;
  case 1:
    change = draw();
    break;
  case 2:
    change.from = std::max<int>(0, int(change.from) + below(5) - 2);
    change.to = std::max<int>(int(change.from) + 1,
                              int(change.to) + below(5) - 2);
    break;
  default:
    change.entered = std::max(1, change.entered + below(3) - 1);
    change.lead += below(3) - 1;
  }
  return policy;
}

void Search::add(std::vector<Ranked> &ranked, double end, Policy policy) {
  auto worse = [](double end, const Ranked &other) {
    return end < other.first;
  };
  auto at = std::upper_bound(ranked.begin(), ranked.end(), end, worse);
  ranked.insert(at, {end, std::move(policy)});
  if (ranked.size() > kept)
    ranked.pop_back();
}

std::vector<Policy>
Search::run(size_t tries,
            const std::function<bool(const Policy &)> &isEnough) {
  double bound = lowerBound(problem) * (1 + 1e-9);
  std::vector<Ranked> best, current;
  for (size_t i = 0; i < tries; ++i) {
    if (i % patience == 0)
      current.clear();
    bool anew = i % patience < drawn || below(8) == 0;
    Policy policy =
        anew ? balanced() : neighbour(current[below(int(current.size()))].second);
    double latest = current.size() == kept ? current.back().first
                                           : std::numeric_limits<double>::infinity();
    double end = makespanOf(problem, listSchedule(problem, policy, latest));
    if (end > latest)
      continue;
    bool ends = end <= bound && isEnough(policy);
    add(current, end, policy);
    add(best, end, std::move(policy));
    if (ends)
      break;
  }
  std::vector<Policy> result;
  for (auto &[end, policy] : best)
    result.push_back(std::move(policy));
  return result;
}

std::vector<Policy> bitpipe::schedule::disturbPolicies(
    const Problem &problem, size_t tries, std::mt19937_64 &random,
    const std::function<bool(const Policy &)> &isEnough) {
  return Search(problem, random).run(tries, isEnough);
}
