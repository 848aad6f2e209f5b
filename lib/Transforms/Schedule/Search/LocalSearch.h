//===- LocalSearch.h - A shorter order by small changes ----------*- C++ -*-===//
//
// Tabu search on the critical path, as for job shops: an order gets shorter only if
// something on its critical path is moved out of a block of actions that run without a
// gap, before its first or behind its last one (Nowicki and Smutnicki, "A fast taboo
// search algorithm for the job shop problem", 1996; Dell'Amico and Trubian, 1993; moves
// and their estimates: Balas and Vazacopoulos, "Guided local search with shifting
// bottleneck for job shop scheduling", 1998). The best move is made although the order
// gets longer; what has changed places may not change back for a while.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_LOCALSEARCH_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_LOCALSEARCH_H

#include "lib/Transforms/Schedule/Search/OrderGraph.h"
#include "lib/Transforms/Schedule/Search/TabuList.h"

namespace bitpipe::schedule {

class LocalSearch {
public:
  /// Begins with an order that solves the problem, and only meets others that do.
  LocalSearch(const Problem &problem, const Order &order, unsigned seed);

  /// Goes on until about `visits` more times of actions have been computed or the lower
  /// bound is met.
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
  bool tryCandidate(size_t index);
  bool step();
  void perturb();

  OrderGraph graph;
  std::mt19937_64 random;
  const double bound;
  /// After so many steps that gained nothing it goes back to the shortest order.
  const size_t patience;
  TabuList tabu;
  size_t steps = 0, stalled = 0;
  double shortest = 0;
  std::vector<std::vector<int>> shortestLists;
  std::vector<Block> blocks;
  std::vector<Candidate> candidates;
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_LOCALSEARCH_H
