//===- WakeTimes.h - When devices have something to decide -------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_WAKETIMES_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_WAKETIMES_H

#include "lib/Transforms/Schedule/Core/Costs.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace bitpipe::schedule {

/// Sums of times that differ by no more than this are rounded differently: they
/// are one moment.
inline double momentOf(const Costs &costs) {
  double longest = 0;
  for (const StageCost &stage : costs.stages)
    longest = std::max(longest, stage.forward);
  return 1e-9 * longest;
}

/// The time at which each device wakes up next. There is only the earliest one:
/// a device that then has nothing to do must find out itself when it will.
class WakeTimes {
public:
  static constexpr double never = std::numeric_limits<double>::infinity();

  /// All devices wake up at 0. Times within `moment` are one.
  WakeTimes(int devices, double moment) : times(devices), moment(moment) {}

  void wake(double time, int device) {
    times[device] = std::min(times[device], time);
  }

  /// The next time, and all devices that wake up then, ascending; none if no
  /// device ever does.
  double next(std::vector<int> &devices) {
    devices.clear();
    double now = never;
    for (double time : times)
      now = std::min(now, time);
    if (now == never)
      return now;
    for (size_t device = 0; device < times.size(); ++device)
      if (times[device] <= now + moment) {
        devices.push_back(int(device));
        times[device] = never;
      }
    return now;
  }

private:
  std::vector<double> times;
  double moment;
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_WAKETIMES_H
