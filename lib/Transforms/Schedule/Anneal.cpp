//===- Anneal.cpp - A better order by local search -------------------------===//
//
// A move takes one action out of a device's list and puts it back a few places
// earlier or later. Moves that break a device's own order (forward before
// backward before weight gradient) or its memory are not simulated at all;
// those that block come back from the simulation without a time.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Anneal.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <random>

using namespace bitpipe::schedule;
using Clock = std::chrono::steady_clock;

/// Whether `first` must come before `second` on the same device.
static bool mustPrecede(const Action &first, const Action &second) {
  if (first.microbatch != second.microbatch)
    return false;
  if (first.kind == Kind::F && second.kind == Kind::F)
    return first.stage < second.stage;
  if (first.kind == Kind::F)
    return true;
  if (first.stage == second.stage)
    return first.kind == Kind::I && second.kind == Kind::W;
  return makesInputGradient(first.kind) && makesInputGradient(second.kind) &&
         first.stage > second.stage;
}

static bool fits(const Problem &problem, const std::vector<Action> &list,
                 double limit) {
  double alive = 0;
  for (const Action &action : list) {
    double activation = problem.costs.stage(action.stage).activation;
    if (action.kind == Kind::F)
      alive += activation;
    if (alive > limit + 1e-9 * problem.activation)
      return false;
    if (makesWeightGradient(action.kind))
      alive -= activation;
  }
  return true;
}

/// Moves the action at `from` to `to`, as far as its device's order allows.
static bool move(std::vector<Action> &list, size_t from, size_t to) {
  for (size_t at = from; at < to; ++at)
    if (mustPrecede(list[from], list[at + 1]))
      return false;
  for (size_t at = from; at > to; --at)
    if (mustPrecede(list[at - 1], list[from]))
      return false;
  if (from < to)
    std::rotate(list.begin() + from, list.begin() + from + 1,
                list.begin() + to + 1);
  else
    std::rotate(list.begin() + to, list.begin() + from,
                list.begin() + from + 1);
  return from != to;
}

Order bitpipe::schedule::anneal(const Problem &problem, Order order,
                                double seconds) {
  std::mt19937_64 random(1);
  auto below = [&](size_t count) { return size_t(random() % count); };
  double bound = lowerBound(problem) * (1 + 1e-9);
  double current = makespanOf(problem, order), best = current;
  Order result = order;
  const Clock::time_point begin = Clock::now();
  double passed = 0;
  while (passed < seconds && best > bound) {
    passed = std::chrono::duration<double>(Clock::now() - begin).count();
    // From a share of what could still be gained down to nothing.
    double warmth = 0.03 * (best - bound) * std::max(0.0, 1 - passed / seconds);
    size_t device = below(order.size());
    std::vector<Action> &list = order[device];
    if (list.size() < 2)
      continue;
    size_t from = below(list.size()), reach = 1 + below(8);
    size_t to = below(2) ? std::min(from + reach, list.size() - 1)
                         : from - std::min(from, reach);
    if (!move(list, from, to))
      continue;
    double next = fits(problem, list, problem.limit(int(device)))
                      ? makespanOf(problem, order)
                      : std::numeric_limits<double>::infinity();
    double chance = below(1u << 30) / double(1u << 30);
    bool accept = next <= current ||
                  (warmth > 0 && chance < std::exp((current - next) / warmth));
    if (!accept) {
      move(list, to, from);
      continue;
    }
    current = next;
    if (current < best) {
      best = current;
      result = order;
    }
  }
  return result;
}
