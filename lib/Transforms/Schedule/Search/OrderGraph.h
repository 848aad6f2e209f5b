//===- OrderGraph.h - The times of an order, kept while it changes --*- C++ -*-===//
//
// The disjunctive graph of job-shop scheduling: what runs on a device, or goes over
// a link, comes one after the other; what reads comes after what makes. Of every
// action there are its head, when it starts at the earliest, and its tail, what
// comes after its end at least. The longest of head, time and tail is the makespan.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_ORDERGRAPH_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_ORDERGRAPH_H

#include "lib/Transforms/Schedule/Search/Tasks.h"

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
  size_t size() const { return nodes.size(); }

  /// The device lists, to come back to them.
  const std::vector<std::vector<int>> &lists() const { return list; }
  void restore(const std::vector<std::vector<int>> &lists);

  /// The blocks of a critical path, the last one first; where it forks, one way is
  /// drawn.
  void criticalBlocks(std::vector<Block> &blocks, std::mt19937_64 &random);

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
  /// Tails so far before a move in the sequence are up to date after so many moves.
  static constexpr size_t window = 4096, mostBehind = 16;

  /// An action. Together in memory, as it is looked at together.
  struct alignas(64) Node {
    // What never changes. The message with what it makes occupies its link for
    // `transfer` and is there `latency` later.
    double time = 0, transfer = 0, latency = 0;
    // See head and tail above; when the message has left its link, and what comes
    // after that.
    double head = 0, tail = 0, sent = 0, sentTail = 0;
    // The order: the actions before and after it on its device, and the messages on its
    // link if they take time there.
    int before = none, after = none, linkBefore = none, linkAfter = none;
    // What makes what it reads by a message, and what reads its own message.
    int source = none, target = none;
    /// Among all actions, each after what it waits for.
    int place = 0;
    /// If messages take time there.
    int link = none;
    // What makes what it reads, on whatever device, what reads what it makes, and its
    // weight gradient.
    int maker = none, reader = none, weight = none;
    int device = 0, position = 0;
    bool isMarked = false;

    double end() const { return head + time; }
  };

  void addActions(const Problem &problem);
  void addReader(const Problem &problem, int task, int reader);
  void evaluate();
  void sortTopologically();
  bool reorderLater(int moved, int target);
  bool reorderEarlier(int moved, int target);
  void arrange(int begin);
  void shift(const Move &move);
  void chain(int device, int first, int last);
  void updateLoads(int device, int first, int last);
  void linkMessages(int device);
  void moveMessage(const Move &move);
  void unlink(int task);
  int startOfBlock(int task, std::mt19937_64 &random) const;
  /// When the message that an action reads is there.
  double arrival(const Node &node) const {
    return nodes[node.source].sent + nodes[node.source].latency;
  }
  bool updateHead(int task);
  bool updateTail(int task);
  void markHead(int task);
  void markTail(int task);
  void spreadHeads();
  void spreadTails(size_t lowest);

  Tasks tasks;
  std::vector<Node> nodes;
  /// Per action, the memory that it takes and gives back, and what is alive while it
  /// runs.
  std::vector<double> takes, gives, load;
  std::vector<double> limit;
  /// Per device its actions in order.
  std::vector<std::vector<int>> list;
  /// All actions, each after what it waits for.
  std::vector<int> sequence;
  /// By place in the sequence, whether the head or tail is to be computed anew, how
  /// many are, and the first and the last.
  std::vector<char> staleHead, staleTail;
  size_t staleHeads = 0, staleTails = 0, firstStale = 0, lastStale = 0;
  // Room for what is needed again and again.
  std::vector<int> sooner, later;
  std::vector<char> stale;
  std::vector<double> starts;
  size_t visited = 0, moved = 0;
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_ORDERGRAPH_H
