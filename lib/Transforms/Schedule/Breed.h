//===- Breed.h - Better shapes by small changes ------------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_BREED_H
#define BITPIPE_TRANSFORMS_SCHEDULE_BREED_H

#include "lib/Transforms/Schedule/Justify.h"

#include <algorithm>
#include <functional>
#include <limits>

namespace bitpipe::schedule {

/// How shapes, from which priorities are made, are searched.
template <typename Shape> struct Breed {
  std::function<Shape()> draw;
  /// A little.
  std::function<Shape(Shape)> change;
  std::function<Priorities(const Shape &)> priorities;
  /// So many shapes are kept and changed; one in so many is drawn anew.
  size_t kept, drawn;
  /// A shape is given up when so many passes in turn gained nothing.
  size_t patience;
  /// The search is given up when so many shapes came no nearer than this to the
  /// lower bound.
  size_t trial = std::numeric_limits<size_t>::max();
  double near = 0;
};

/// Draws shapes and changes the best that are known, each scheduled to and fro
/// for a while. Makes about `tries` orders, or fewer if one meets the lower
/// bound.
template <typename Shape>
Found breed(const Problem &problem, const Breed<Shape> &how, size_t tries,
            std::mt19937_64 &random) {
  double bound = lowerBound(problem) * (1 + 1e-9);
  std::vector<std::pair<double, Shape>> best;
  Found result{{}, std::numeric_limits<double>::infinity(), 0};
  for (size_t made = 0; result.tries < tries && result.makespan > bound;
       ++made) {
    if (made == how.trial && result.makespan > bound + how.near)
      break;
    bool anew = best.size() < how.kept || random() % how.drawn == 0;
    Shape shape =
        anew ? how.draw() : how.change(best[random() % best.size()].second);
    Found found =
        justify(problem, how.priorities(shape), how.patience, random);
    result.tries += found.tries;
    auto later = [](double end, const auto &other) { return end < other.first; };
    best.insert(std::upper_bound(best.begin(), best.end(), found.makespan, later),
                {found.makespan, std::move(shape)});
    if (best.size() > how.kept)
      best.pop_back();
    if (found.makespan >= result.makespan)
      continue;
    result.makespan = found.makespan;
    result.order = std::move(found.order);
  }
  return result;
}

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_BREED_H
