//===- LocalSearch.h - A shorter order by small changes ----------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_LOCALSEARCH_H
#define BITPIPE_TRANSFORMS_SCHEDULE_LOCALSEARCH_H

#include "lib/Transforms/Schedule/OrderGraph.h"

namespace bitpipe::schedule {

/// Which of two actions of a device may not come first again, until when.
class TabuList {
public:
  bool holds(int first, int second, size_t now) const {
    const Entry &entry = entries[slot(first, second)];
    return entry.first == first && entry.second == second && entry.until > now;
  }
  void add(int first, int second, size_t until) {
    entries[slot(first, second)] = {first, second, until};
  }

private:
  struct Entry {
    int first = -1, second = -1;
    size_t until = 0;
  };
  static size_t slot(int first, int second) {
    uint64_t key = uint64_t(first) << 32 | uint32_t(second);
    return (key * 0x9e3779b97f4a7c15ull) >> 48;
  }
  std::vector<Entry> entries = std::vector<Entry>(1 << 16);
};

class LocalSearch {
public:
  /// The order must solve the problem.
  LocalSearch(const Problem &problem, const Order &order, unsigned seed);

  /// Goes on until about `visits` more times have been computed or the lower bound is
  /// met.
  void run(size_t visits);

  /// The shortest order met.
  Order best();
  double makespan() const { return shortest; }

private:
  struct Candidate {
    Move move;
    double estimate;
  };
  void findCandidates();
  void consider(const Move &move);
  bool isTabu(const Move &move) const;
  void forbid(const Move &move);
  size_t choose();
  bool step();
  void perturb();

  const Problem &problem;
  OrderGraph graph;
  std::mt19937_64 random;
  const double bound;
  TabuList tabu;
  size_t now = 0, stalled = 0, estimated = 0;
  double shortest = 0;
  std::vector<std::vector<int>> shortestLists;
  std::vector<Block> blocks;
  std::vector<Candidate> candidates;
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_LOCALSEARCH_H
