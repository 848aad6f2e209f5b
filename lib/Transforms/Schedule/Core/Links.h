//===- Links.h - Messages one after the other --------------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CORE_LINKS_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CORE_LINKS_H

#include "lib/Transforms/Schedule/Core/Costs.h"

#include <algorithm>

namespace bitpipe::schedule {

/// The links of all ordered pairs of devices. Each carries one message at a
/// time, in the order in which they are sent.
class Links {
public:
  Links(int devices, const Costs &costs)
      : devices(devices), costs(costs), freeAt(size_t(devices) * devices) {}

  /// When the result of an action that is sent at `time` is there.
  double send(int from, int to, const Action &made, double time) {
    double &free = freeAt[size_t(from) * devices + to];
    MessageTime message = costs.message(from, to, made);
    free = std::max(free, time) + message.transfer;
    return free + message.latency;
  }

private:
  int devices;
  const Costs &costs;
  std::vector<double> freeAt;
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CORE_LINKS_H
