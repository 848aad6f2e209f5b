//===- EventQueue.h - When devices have something to decide ------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_EVENTQUEUE_H
#define BITPIPE_TRANSFORMS_SCHEDULE_EVENTQUEUE_H

#include <algorithm>
#include <queue>
#include <vector>

namespace bitpipe::schedule {

/// Devices by the time at which they wake up.
class EventQueue {
public:
  /// Times within `moment` are one.
  explicit EventQueue(double moment = 0) : moment(moment) {}

  void wake(double time, int device) { events.push({time, device}); }
  bool empty() const { return events.empty(); }

  /// The next time, and all devices that wake up then, ascending.
  double next(std::vector<int> &devices) {
    double now = events.top().time;
    devices.clear();
    while (!events.empty() && events.top().time <= now + moment) {
      devices.push_back(events.top().device);
      events.pop();
    }
    std::sort(devices.begin(), devices.end());
    devices.erase(std::unique(devices.begin(), devices.end()), devices.end());
    return now;
  }

private:
  struct Event {
    double time;
    int device;
    bool operator<(const Event &other) const { return time > other.time; }
  };
  double moment;
  std::priority_queue<Event> events;
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_EVENTQUEUE_H
