//===- Packing.cpp - Offsets for pieces of memory --------------------------===//

#include "lib/Transforms/Lower/Packing.h"

#include "lib/Transforms/Lower/Alignment.h"

#include <algorithm>
#include <numeric>
#include <queue>

using namespace bitpipe;
using namespace bitpipe::lower;

namespace {

/// A lifetime that has its offset.
struct Placed {
  int64_t begin, end; // bytes
  int64_t first, last;
};

/// The lowest offset of the tightest gap of at least `bytes` between placed
/// pieces (in ascending order) that are alive from `first` to `last`.
int64_t findGap(const std::vector<Placed> &placed, int64_t bytes,
                int64_t first, int64_t last) {
  int64_t top = 0, best = -1, bestSize = 0;
  for (const Placed &other : placed) {
    if (other.last < first || other.first > last)
      continue;
    int64_t gap = other.begin - top;
    if (gap >= bytes && (best < 0 || gap < bestSize)) {
      best = top;
      bestSize = gap;
    }
    top = std::max(top, other.end);
  }
  return best < 0 ? top : best;
}

std::vector<size_t> inOrder(size_t count, auto less) {
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), less);
  return order;
}

} // namespace

Packing lower::pack(const std::vector<Lifetime> &lifetimes, int64_t alignment) {
  Packing result;
  result.offsets.resize(lifetimes.size());
  std::vector<Placed> placed;
  for (size_t i : inOrder(lifetimes.size(), [&](size_t a, size_t b) {
         return lifetimes[a].bytes > lifetimes[b].bytes;
       })) {
    auto [size, first, last] = lifetimes[i];
    int64_t bytes = aligned(size, alignment);
    int64_t begin = findGap(placed, bytes, first, last);
    result.offsets[i] = begin;
    result.bytes = std::max(result.bytes, begin + bytes);
    Placed piece{begin, begin + bytes, first, last};
    auto at = std::upper_bound(
        placed.begin(), placed.end(), piece,
        [](const Placed &a, const Placed &b) { return a.begin < b.begin; });
    placed.insert(at, piece);
  }
  return result;
}

std::vector<int64_t>
lower::colour(const std::vector<Lifetime> &lifetimes) {
  std::vector<int64_t> colours(lifetimes.size());
  using Use = std::pair<int64_t, int64_t>; // last instruction, colour
  std::priority_queue<Use, std::vector<Use>, std::greater<>> busy;
  int64_t count = 0;
  for (size_t i : inOrder(lifetimes.size(), [&](size_t a, size_t b) {
         return lifetimes[a].first < lifetimes[b].first;
       })) {
    bool free = !busy.empty() && busy.top().first < lifetimes[i].first;
    colours[i] = free ? busy.top().second : count++;
    if (free)
      busy.pop();
    busy.emplace(lifetimes[i].last, colours[i]);
  }
  return colours;
}
