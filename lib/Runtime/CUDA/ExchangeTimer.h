//===- ExchangeTimer.h - When a GPU's messages and sums began and ended -----------===//
//
// Each is timed as the instruction that starts it, by events in the stream that carries it out.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_EXCHANGETIMER_H
#define BITPIPE_RUNTIME_CUDA_EXCHANGETIMER_H

#include "lib/Runtime/CUDA/CUDADevice.h"
#include "lib/Runtime/Plan/Links.h"

#include <map>

namespace bitpipe {

class ExchangeTimer {
public:
  /// Of a device, which has that number.
  ExchangeTimer(const Links &links, CUDADevice &device, int64_t number);

  bool isTiming() const { return timer.isTiming(); }
  /// Around what a stream of the device does of a message or collective.
  void begin(Wait::Kind kind, int64_t number, cuda::Stream stream) {
    if (isTiming())
      timer.begin(instructions.at({kind, number}), stream);
  }
  void end(Wait::Kind kind, int64_t number, cuda::Stream stream) {
    if (isTiming())
      timer.endBeside(instructions.at({kind, number}), stream);
  }
  /// As Transport::collectiveTimes.
  std::vector<std::vector<TimedWork>> collectiveTimes() const;

private:
  const DeviceLinks &links;
  StepTimer &timer;
  std::map<std::pair<Wait::Kind, int64_t>, size_t> instructions; // that start them
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_EXCHANGETIMER_H
