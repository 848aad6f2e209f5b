//===- Balance.cpp - Divides a line of costs into stages -------------------===//
//
// The slowest stage is found by a parametric search: a greedy walk tells
// whether a limit can be kept, and both answers move a bound to a cost that
// some stage really has, so the search ends on the exact optimum. The division
// that carries least under a limit follows stage by stage, by divide and
// conquer over the prefixes.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Partition/Balance.h"

#include <algorithm>
#include <cmath>
#include <compare>
#include <cstdint>
#include <limits>

using namespace bitpipe;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// sums[i] is the cost of the first i atoms. Every stage cost is a difference
/// of two of them, so equal stages compare equal whatever the rounding.
std::vector<double> prefixSums(std::span<const double> cost) {
  std::vector<double> sums(cost.size() + 1, 0);
  for (size_t i = 0; i < cost.size(); ++i)
    sums[i + 1] = sums[i] + cost[i];
  return sums;
}

/// The outcome of filling stages up to a limit, one after the other.
struct Filling {
  bool fits;
  double slowest;   ///< The costliest stage.
  double overflow;  ///< The least cost that a stage refused to grow to.
};

Filling fill(const std::vector<double> &sums, size_t stages, double limit) {
  Filling result{false, 0, infinity};
  size_t atoms = sums.size() - 1, begin = 0;
  for (size_t stage = 0; stage < stages && begin < atoms; ++stage) {
    auto end = std::partition_point(
        sums.begin() + begin + 1, sums.end(),
        [&](double sum) { return sum - sums[begin] <= limit; });
    size_t next = end - sums.begin() - 1;
    if (next == begin) // This atom alone exceeds the limit.
      return {false, 0, sums[begin + 1] - sums[begin]};
    result.slowest = std::max(result.slowest, sums[next] - sums[begin]);
    if (next < atoms)
      result.overflow = std::min(result.overflow, sums[next + 1] - sums[begin]);
    begin = next;
  }
  result.fits = begin == atoms;
  return result;
}

double slowestOf(const std::vector<double> &sums, size_t stages) {
  // The optimum is never below `low`, and `high` can be kept.
  double low = 0, high = sums.back();
  while (low < high) {
    double middle = low + (high - low) / 2;
    if (middle >= high) // Neighbouring numbers.
      middle = low;
    Filling filling = fill(sums, stages, middle);
    (filling.fits ? high : low) =
        filling.fits ? filling.slowest : filling.overflow;
  }
  return high;
}

/// What a division is judged by once its slowest stage is good enough.
struct Merit {
  double carried;
  double squares; ///< Of the stages' costs: least when they are even.

  friend auto operator<=>(const Merit &, const Merit &) = default;
};

/// Finds the best division when no stage may cost more than a limit, one stage
/// at a time: the best division of each prefix into that many stages.
class BestDivision {
public:
  BestDivision(const std::vector<double> &sums, std::span<const double> carried,
               size_t stages, double limit)
      : sums(sums), carried(carried), limit(limit), reach(stages + 1, 0),
        from(stages, std::vector<uint32_t>(sums.size(), 0)) {
    before.assign(sums.size(), {0, 0});
    after = before;
    for (size_t stage = 0; stage < stages; ++stage) {
      reach[stage + 1] = std::partition_point(
          sums.begin() + reach[stage], sums.end(), [&](double sum) {
            return sum - sums[reach[stage]] <= limit;
          }) - sums.begin() - 1;
      divide(stage, stage + 1, reach[stage + 1], stage, reach[stage]);
      before.swap(after);
    }
  }

  /// The first atom of every stage.
  std::vector<size_t> begins() const {
    std::vector<size_t> begin(from.size());
    size_t end = carried.size();
    for (size_t stage = from.size(); stage-- > 0; end = begin[stage])
      begin[stage] = from[stage][end];
    return begin;
  }

private:
  Merit merit(size_t begin, size_t end) const {
    double cost = sums[end] - sums[begin];
    return {before[begin].carried + (begin > 0 ? carried[begin] : 0),
            before[begin].squares + cost * cost};
  }

  /// Solves the ends [first, last] of a stage that begins in [low, high]. A
  /// later end never has an earlier best beginning, since squares favour even
  /// stages: so the middle end's solution halves the problem.
  void divide(size_t stage, size_t first, size_t last, size_t low, size_t high) {
    if (first > last)
      return;
    size_t end = first + (last - first) / 2;
    size_t best = std::min(high, end - 1);
    for (size_t begin = best; begin-- > low;) {
      if (sums[end] - sums[begin] > limit)
        break;
      if (merit(begin, end) <= merit(best, end))
        best = begin;
    }
    after[end] = merit(best, end);
    from[stage][end] = best;
    divide(stage, first, end - 1, low, best);
    divide(stage, end + 1, last, best, high);
  }

  const std::vector<double> &sums;
  std::span<const double> carried;
  double limit;
  std::vector<size_t> reach; ///< The most atoms that so many stages hold.
  std::vector<std::vector<uint32_t>> from;
  std::vector<Merit> before, after; ///< Of prefixes, by their number of atoms.
};

} // namespace

double bitpipe::slowestStage(std::span<const double> cost, size_t stages) {
  return slowestOf(prefixSums(cost), stages);
}

std::vector<size_t> bitpipe::balance(std::span<const double> cost,
                                     std::span<const double> carried,
                                     size_t stages, double tolerance) {
  std::vector<double> sums = prefixSums(cost);
  double limit = slowestOf(sums, stages) * (1 + tolerance);
  return BestDivision(sums, carried, stages, limit).begins();
}

/// What balanceMessages() makes least, in units of the least possible slowest
/// stage.
static double price(const std::vector<double> &sums,
                    std::span<const double> carried,
                    const std::vector<size_t> &begin, double fastest) {
  double slowest = 0, doublings = 0;
  for (size_t stage = 0; stage < begin.size(); ++stage) {
    size_t end = stage + 1 < begin.size() ? begin[stage + 1] : carried.size();
    slowest = std::max(slowest, sums[end] - sums[begin[stage]]);
    if (stage > 0) // A cut of a byte or none is as good as any.
      doublings += std::log2(std::max(carried[begin[stage]], 1.0));
  }
  return (fastest > 0 ? slowest / fastest : 1) + halvingWorth * doublings;
}

std::vector<size_t> bitpipe::balanceMessages(std::span<const double> cost,
                                             std::span<const double> carried,
                                             size_t stages, double tolerance,
                                             double most) {
  std::vector<double> sums = prefixSums(cost);
  double fastest = slowestOf(sums, stages), least = infinity;
  std::vector<size_t> best;
  constexpr int steps = 8; // A percent each, as the pass asks for them.
  for (int step = 0; step < steps; ++step) {
    double reach = tolerance + std::max(most - tolerance, 0.0) * step / (steps - 1);
    std::vector<size_t> begin =
        BestDivision(sums, carried, stages, fastest * (1 + reach)).begins();
    double asked = price(sums, carried, begin, fastest);
    if (asked >= least)
      continue;
    least = asked;
    best = std::move(begin);
  }
  return best;
}
