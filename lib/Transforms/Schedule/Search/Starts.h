//===- Starts.h - Orders to begin a search with ------------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_STARTS_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_STARTS_H

#include "lib/Transforms/Schedule/Search/Problem.h"

#include <random>

namespace bitpipe::schedule {

/// An order, and how it was made.
struct Start {
  enum How { Wave, Groups, WithoutMessages, Lengthened, Improved };
  How how;
  double makespan = 0;
  Order order;
};

/// The shortest orders met, a few of each sort.
class Starts {
public:
  explicit Starts(const Problem &problem);

  /// What no order beats, but for rounding.
  double bound() const { return lowest; }
  bool isDone() const { return !starts.empty() && shortest().makespan <= lowest; }
  /// The shortest one first.
  const std::vector<Start> &all() const { return starts; }
  const Start &shortest() const { return starts.front(); }
  std::vector<Start> take() { return std::move(starts); }

  /// Keeps an order that does not block if there are not enough shorter ones of its
  /// sort.
  void offer(Order order, Start::How how);
  /// Waves (Justify.h), scheduled to and fro, until one meets the bound.
  void offerWaves();
  /// BitPipe's groups (Groupings.h), likewise, if the problem has groups.
  void offerGroups();
  /// Their timetable, by devices that wait for messages, if it is of three groups or more.
  void offerTimetable();

private:
  size_t affordable(size_t actions, size_t most) const;

  const Problem &problem;
  const double lowest;
  std::mt19937_64 random;
  std::vector<Start> starts;
};

/// An order of groups, which repeats itself between fill and drain: as if messages took no
/// time, with weight gradients right behind their input gradients if these are apart, or by
/// the same timetable with all the memory and devices that wait, whichever is shorter.
/// Nothing if the problem has no groups.
std::optional<Order> groupsWithMessages(const Problem &problem);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_STARTS_H
