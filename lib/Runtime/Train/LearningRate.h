//===- LearningRate.h - The learning rate of each step ----------------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_LEARNINGRATE_H
#define BITPIPE_RUNTIME_TRAIN_LEARNINGRATE_H

#include <cstdint>
#include <optional>
#include <string_view>

namespace bitpipe {

/// What a learning rate does after its warm-up. WSD: warm-up, stable, decay.
enum class Schedule { Constant, Cosine, Linear, WSD };

/// "cosine".
const char *nameOf(Schedule schedule);
std::optional<Schedule> scheduleNamed(std::string_view name);
/// For messages.
constexpr const char *scheduleNames = "constant, cosine, linear or wsd";

struct RateSchedule {
  Schedule kind = Schedule::Constant;
  int64_t warmup = 0;
  double lowest = 0;      // where it would be one step after the last
  int64_t decaySteps = 0; // the last ones, of WSD

  bool operator==(const RateSchedule &) const = default;
};

/// Of a step, counted from 0, among `steps`: rises to `lr` over the warm-up, then stays, or
/// falls towards the lowest after the last step. Documented in docs/Commands.md.
double learningRate(const RateSchedule &schedule, double lr, int64_t step, int64_t steps);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_LEARNINGRATE_H
