//===- OrderGraph.h - The times of an order, kept while it changes --*- C++ -*-===//
//
// The disjunctive graph of job-shop scheduling: what runs on a device, or goes over
// a link, comes one after the other; what reads comes after what makes. Of every
// action there are its head, when it starts at the earliest, and its tail, what
// comes after its end at least. The longest of head, time and tail is the makespan.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_ORDERGRAPH_H
#define BITPIPE_TRANSFORMS_SCHEDULE_ORDERGRAPH_H

#include "lib/Transforms/Schedule/Tasks.h"

#include <random>

namespace bitpipe::schedule {

/// An action of a device's list taken out at `from` and put back at `to`.
struct Move {
  int device = 0, from = 0, to = 0;
};

/// Actions of a device one right after the other on a critical path, or two whose
/// messages are one right after the other on their link, with all between them.
struct Block {
  int device = 0, first = 0, last = 0;
};

/// Actions are numbers, by Tasks::index.
class OrderGraph {
public:
  explicit OrderGraph(const Problem &problem);

  /// The order must solve the problem: see Problem::verify.
  void set(const Order &order);
  Order order() const;
  double makespan() const;

  /// The device lists, to come back to them.
  const std::vector<std::vector<int>> &lists() const { return list; }
  void restore(const std::vector<std::vector<int>> &lists);

  /// The blocks of a critical path, the last one first; where it forks, one way is
  /// drawn.
  void criticalBlocks(std::vector<Block> &blocks, std::mt19937_64 &random) const;

  /// Whether the device's memory allows a move.
  bool fits(const Move &move) const;
  /// The longest way through what is moved and moved past, as exact as heads and
  /// tails outside are after the move: a lower bound for that way as long as they do
  /// not get shorter (Balas and Vazacopoulos, 1998).
  double estimate(const Move &move);
  /// Moves, and brings heads and tails up to date where they change. False, and
  /// nothing is changed, if the order would block.
  bool apply(const Move &move);

  /// Heads and tails computed, which is what time goes into.
  size_t visits() const { return visited; }

private:
  static constexpr int none = -1;

  void addActions(const Problem &problem);
  void evaluate();
  void sortTopologically();
  bool reorderLater(int moved, int target);
  bool reorderEarlier(int moved, int target);
  void place(int begin, const std::vector<int> &first, const std::vector<int> &second);
  void shift(const Move &move);
  void updateLoads(int device, int first, int last);
  void linkMessages(int device);
  void moveMessage(const Move &move);
  void unlink(int task);
  bool updateHead(int task);
  bool updateTail(int task);
  void markHead(int task);
  void markTail(int task);
  void spreadHeads();
  void spreadTails();
  int previous(int task) const {
    return position[task] ? list[device[task]][position[task] - 1] : none;
  }
  int next(int task) const {
    const std::vector<int> &own = list[device[task]];
    return position[task] + 1 < int(own.size()) ? own[position[task] + 1] : none;
  }
  double end(int task) const { return head[task] + time[task]; }

  Tasks tasks;
  // Per task, what never changes: its device, what makes what it reads and what reads
  // what it makes, on whatever device, and whether that takes a message; the time and
  // latency of the message with what it makes, and the link if it takes time there.
  std::vector<int> device, maker, reader, waiting;
  /// The same where it takes a message.
  std::vector<int> source, target;
  std::vector<double> time, transfer, latency, takes, gives;
  std::vector<int> link;
  std::vector<double> limit;
  // The order: per device its tasks, and per task its place there and what is alive
  // while it runs.
  std::vector<std::vector<int>> list;
  std::vector<int> position;
  std::vector<double> load;
  // Per task with a message that takes time, the messages before and after it on its
  // link.
  std::vector<int> linkBefore, linkAfter;
  /// All tasks, each after what it waits for, and the place of each.
  std::vector<int> sequence, place_;
  std::vector<double> head, tail;
  /// When a message has left its link, and what comes after that.
  std::vector<double> sent, sentTail;
  /// By place in the sequence, whether the head or tail is to be computed anew.
  std::vector<char> staleHead, staleTail;
  size_t firstStale = 0, staleHeads = 0, lastStale = 0, staleTails = 0;
  std::vector<char> marked;
  std::vector<int> one, other;
  std::vector<double> scratch;
  size_t visited = 0;
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_ORDERGRAPH_H
