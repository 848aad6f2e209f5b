//===- Processors.h - Work that shares processors --------------------------===//
//
// With more work at once than processors an operating system gives each its share
// of time. What is ready goes on at one rate, and work of low priority at about a
// tenth of that. Each of the two kinds has a clock that runs at its rate, by which
// the end of a piece of work is known when it begins, whatever comes in between.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_PLAN_PROCESSORS_H
#define BITPIPE_RUNTIME_PLAN_PROCESSORS_H

#include <algorithm>
#include <cstddef>
#include <limits>
#include <queue>
#include <vector>

namespace bitpipe {

class Processors {
public:
  enum Priority { Normal, Low };
  static constexpr double never = std::numeric_limits<double>::infinity();

  /// `count` is 0 where all work has a processor of its own.
  explicit Processors(int64_t count)
      : count(count > 0 ? double(count) : never) {}

  /// Begins a piece of work now; `owner` is told when it ends.
  void begin(Priority priority, size_t owner, double work) {
    Share &share = shares[priority];
    share.ends.push({share.clock + work, owner});
    setRates();
  }

  /// When a piece of work ends next, if none begins before.
  double nextEnd() const {
    double next = never;
    for (const Share &share : shares)
      if (!share.ends.empty())
        next = std::min(next, now + std::max(0.0, share.ends.top().first -
                                                      share.clock) /
                                        share.rate);
    return next;
  }

  /// Goes on to a time that is not after nextEnd.
  void advance(double time) {
    for (Share &share : shares)
      share.clock += (time - now) * share.rate;
    now = time;
  }

  /// Takes one piece of work that has ended by now, of the priority; returns its
  /// owner, or -1.
  int64_t takeEnded(Priority priority) {
    Share &share = shares[priority];
    // The clock is a sum of products, rounded otherwise than the end.
    double rounding = 1e-12 * now;
    if (share.ends.empty() || share.ends.top().first > share.clock + rounding)
      return -1;
    auto owner = int64_t(share.ends.top().second);
    share.ends.pop();
    setRates();
    return owner;
  }

private:
  using End = std::pair<double, size_t>; // by the clock of the share, owner
  struct Share {
    double clock = 0, rate = 1;
    std::priority_queue<End, std::vector<End>, std::greater<End>> ends;
  };

  /// Linux gives a thread of nice 10 so much of what one of nice 0 gets.
  static constexpr double lowWeight = 110.0 / 1024;

  void setRates() {
    auto normal = double(shares[Normal].ends.size());
    auto low = double(shares[Low].ends.size());
    bool enough = normal + low <= count;
    double unit = enough ? 1 : count / (normal + low * lowWeight);
    shares[Normal].rate = std::min(1.0, unit);
    double left = enough ? low : count - normal * shares[Normal].rate;
    shares[Low].rate = low > 0 ? std::min(1.0, left / low) : 1;
  }

  double count, now = 0;
  Share shares[2];
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_PROCESSORS_H
