//===- LearningRate.cpp - The learning rate of each step --------------------===//

#include "lib/Runtime/Train/LearningRate.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numbers>

using namespace bitpipe;

static constexpr const char *names[] = {"constant", "cosine", "linear", "wsd"};

const char *bitpipe::nameOf(Schedule schedule) { return names[int(schedule)]; }

std::optional<Schedule> bitpipe::scheduleNamed(std::string_view name) {
  for (size_t i = 0; i < std::size(names); ++i)
    if (name == names[i])
      return Schedule(i);
  return std::nullopt;
}

double bitpipe::learningRate(const RateSchedule &schedule, double lr, int64_t step,
                             int64_t steps) {
  if (step < schedule.warmup)
    return lr * double(step + 1) / double(schedule.warmup);
  int64_t from = schedule.kind == Schedule::WSD ? steps - schedule.decaySteps : schedule.warmup;
  if (schedule.kind == Schedule::Constant || step < from)
    return lr;
  double done = double(step - from) / double(std::max<int64_t>(steps - from, 1));
  double lowest = schedule.lowest;
  if (schedule.kind == Schedule::Cosine)
    return lowest + (lr - lowest) * (1 + std::cos(std::numbers::pi * done)) / 2;
  return lowest + (lr - lowest) * (1 - done);
}
