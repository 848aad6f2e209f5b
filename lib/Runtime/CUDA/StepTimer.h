//===- StepTimer.h - When a GPU began and ended what it did ----------------------===//
//
// Without being asked it knows only when a step has ended. Where instructions are
// timed, an event is recorded before and after each; what lies between two of them is
// waiting. Their times are put on the clock of the host by the moment at which the
// host learns that the step has ended.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_STEPTIMER_H
#define BITPIPE_RUNTIME_CUDA_STEPTIMER_H

#include "lib/Runtime/CUDA/Handles.h"
#include "lib/Runtime/Execute/Calls.h"
#include "lib/Runtime/Execute/Recorder.h"

#include <deque>

namespace bitpipe {

class StepTimer {
public:
  StepTimer(const DeviceList &device, const GPU &gpu, Calls &names, size_t events, bool timed);

  // By the thread that walks the list.
  void beginStep(uint32_t step, cuda::Stream stream);
  void begin(size_t instruction, cuda::Stream stream);
  void end(size_t instruction, cuda::Stream stream);

  /// When the step is known to have ended.
  void collect(uint32_t step);
  const Recorder &recorder() const { return record; }

private:
  struct Label {
    uint32_t category, instruction, wait;
  };
  /// Of an instruction in one of two steps.
  struct Times {
    explicit Times(const GPU &gpu) : begin(gpu, CUDAEvent::Time), end(gpu, CUDAEvent::Time) {}

    CUDAEvent begin, end;
    bool used = false;
  };
  struct Steps {
    std::deque<Times> instructions;
    std::deque<CUDAEvent> begin; // one
  };

  void collectInstructions(Steps &steps, Nanoseconds end);

  const bool timed;
  Recorder record;
  std::vector<Label> labels;
  Steps steps[2]; // by parity
  uint32_t step = 0;
  Nanoseconds lastEnd = 0;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_STEPTIMER_H
