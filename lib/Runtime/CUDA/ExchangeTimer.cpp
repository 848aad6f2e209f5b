//===- ExchangeTimer.cpp - When a GPU's messages and sums began and ended ---------===//

#include "lib/Runtime/CUDA/ExchangeTimer.h"

using namespace bitpipe;

ExchangeTimer::ExchangeTimer(const Links &all, CUDADevice &device, int64_t number)
    : links(all.devices[number]), timer(device.stepTimer()) {
  for (size_t i = 0; i < links.starts.size(); ++i)
    if (links.starts[i] >= 0)
      instructions.try_emplace(
          {device.startsCollective(i) ? Wait::Collective : Wait::Message, links.starts[i]}, i);
}

std::vector<std::vector<TimedWork>> ExchangeTimer::collectiveTimes() const {
  const Recorder &record = timer.recorder();
  std::vector<std::vector<TimedWork>> times;
  for (int64_t number : links.collectives) {
    auto &steps = times.emplace_back();
    for (size_t back = 0; isTiming() && back < record.stepsKept(); ++back)
      steps.push_back(record.instruction(back, instructions.at({Wait::Collective, number})));
  }
  return times;
}
