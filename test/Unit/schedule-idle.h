//===- schedule-idle.h - Idle times that are known --------------*- C++ -*-===//

#ifndef BITPIPE_TEST_UNIT_SCHEDULE_IDLE_H
#define BITPIPE_TEST_UNIT_SCHEDULE_IDLE_H

#include "lib/Transforms/Schedule/Simulate/Simulate.h"
#include "test/Unit/schedule-support.h"

#include <algorithm>
#include <cmath>

namespace bitpipe::schedule {

/// The largest idle time of a device, in forwards of a stage of two chunks.
inline double idle(const Request &asked, double &peak) {
  ErrorOr<Schedule> schedule = buildSchedule(asked);
  if (!schedule) {
    expect(false, schedule.error().text);
    return -1;
  }
  Costs costs;
  if (asked.chunks > 2) {
    double part = 2.0 / asked.chunks;
    costs.stages = {{part, part, part, 2 * part, part}};
  }
  ErrorOr<Simulated> simulated = simulateAll(*schedule, costs);
  if (!simulated) {
    expect(false, simulated.error().text);
    return -1;
  }
  double most = peak = 0;
  for (const DeviceUse &use : simulated->use) {
    most = std::max(most, use.idle);
    peak = std::max(peak, use.peakActivation);
  }
  return most;
}

inline void expectIdle(const Request &asked, double formula,
                       double memory = INFINITY) {
  double peak = 0, got = idle(asked, peak);
  expect(std::abs(got - formula) < 1e-6,
         toText(asked) + " idles " + std::to_string(got) + ", expected " +
             std::to_string(formula));
  expect(peak <= memory + 1e-6, toText(asked) + " holds " +
                                    std::to_string(peak) +
                                    " activations, expected at most " +
                                    std::to_string(memory));
}

} // namespace bitpipe::schedule

#endif // BITPIPE_TEST_UNIT_SCHEDULE_IDLE_H
