//===- Balance.cpp - Divides a line of costs into stages -------------------===//
//
// The slowest stage is found by a parametric search: a greedy walk tells
// whether a limit can be kept, and both answers move a bound to a cost that
// some stage really has, so the search ends on the exact optimum. Under a
// limit, the cuts that carry least follow from one pass per stage with a
// sliding minimum.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Partition/Balance.h"

#include <algorithm>
#include <cstdint>
#include <deque>
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

/// The cuts that carry least when no stage may cost more than a limit.
class LeastCarried {
public:
  LeastCarried(const std::vector<double> &sums, std::span<const double> carried,
               size_t stages)
      : sums(sums), carried(carried), stages(stages) {}

  /// Total bytes of the best cuts under `limit`, infinity if there are none.
  double solve(double limit) {
    size_t atoms = carried.size();
    from.assign(stages, std::vector<uint32_t>(atoms + 1, 0));
    std::vector<double> bytes(atoms + 1, infinity);
    bytes[0] = 0;
    for (size_t stage = 0; stage < stages; ++stage)
      bytes = extend(bytes, stage, limit);
    return bytes[atoms];
  }

  /// The first atom of every stage of the last solution.
  std::vector<size_t> cuts() const {
    std::vector<size_t> begin(stages);
    size_t end = carried.size();
    for (size_t stage = stages; stage-- > 0; end = begin[stage])
      begin[stage] = from[stage][end];
    return begin;
  }

private:
  /// From the bytes of the best divisions of each prefix into `stage` stages,
  /// those into one stage more.
  std::vector<double> extend(const std::vector<double> &before, size_t stage,
                             double limit) {
    size_t atoms = carried.size();
    std::vector<double> after(atoms + 1, infinity);
    std::deque<uint32_t> window; // Beginnings, their bytes ascending.
    auto bytesOf = [&](size_t begin) {
      return begin == 0 ? before[0] : before[begin] + carried[begin];
    };
    for (size_t end = 1; end <= atoms; ++end) {
      size_t begin = end - 1;
      if (bytesOf(begin) < infinity) {
        while (!window.empty() && bytesOf(window.back()) > bytesOf(begin))
          window.pop_back();
        window.push_back(begin);
      }
      while (!window.empty() && sums[end] - sums[window.front()] > limit)
        window.pop_front();
      if (window.empty())
        continue;
      after[end] = bytesOf(window.front());
      from[stage][end] = window.front();
    }
    return after;
  }

  const std::vector<double> &sums;
  std::span<const double> carried;
  size_t stages;
  std::vector<std::vector<uint32_t>> from;
};

} // namespace

double bitpipe::slowestStage(std::span<const double> cost, size_t stages) {
  return slowestOf(prefixSums(cost), stages);
}

std::vector<size_t> bitpipe::balance(std::span<const double> cost,
                                     std::span<const double> carried,
                                     size_t stages, double tolerance) {
  std::vector<double> sums = prefixSums(cost);
  double low = slowestOf(sums, stages), high = low * (1 + tolerance);
  LeastCarried search(sums, carried, stages);
  double fewest = search.solve(high);
  if (search.solve(low) <= fewest)
    return search.cuts();
  // Bytes only grow as the limit shrinks; a thousandth of the tolerance is as
  // exact as costs can mean.
  for (int round = 0; round < 10; ++round) {
    double middle = low + (high - low) / 2;
    (search.solve(middle) <= fewest ? high : low) = middle;
  }
  search.solve(high);
  return search.cuts();
}
