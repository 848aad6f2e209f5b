//===- StepTimer.h - When a GPU began and ended what it did ----------------------===//
//
// Without being asked it knows only when a step has ended. Where instructions are
// timed, an event is recorded before and after each, and after each call of a routine;
// what lies between two instructions is waiting. Copies to the host and back are timed in their own
// streams. Their times are put on the clock of the
// host by the moment at which the host learns that the step has ended.
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
  /// What an instruction is told as.
  struct Label {
    uint32_t category, instruction, wait;
    int64_t copied; // bytes to the host or from there, beside what is computed; else 0
    std::vector<Calls::Name> calls; // of the routine that it runs
  };

  StepTimer(const Program &program, const DeviceList &device, const GPU &gpu, Calls &names,
            size_t events, bool timed);

  bool isTiming() const { return timed; }

  // By the thread that walks the list.
  /// `isLeftOut`: it is none of the training.
  void beginStep(uint32_t step, bool isLeftOut, cuda::Stream stream);
  void begin(size_t instruction, cuda::Stream stream);
  void endCall(size_t instruction, size_t call, cuda::Stream stream);
  void end(size_t instruction, cuda::Stream stream);
  /// A copy ends in its own stream, the instruction that sends it in that which computes.
  void endCopy(size_t instruction, cuda::Stream stream);

  /// When the step is known to have ended.
  void collect(uint32_t step);
  /// While the device stands still.
  CopyRate copyRate() const { return copies; }
  const Recorder &recorder() const { return record; }

private:
  /// Of an instruction in one of two steps.
  struct Times {
    explicit Times(const GPU &gpu) : begin(gpu, CUDAEvent::Time), end(gpu, CUDAEvent::Time) {}

    CUDAEvent begin, end;
    std::deque<CUDAEvent> calls; // after each
    bool used = false;
  };
  struct Steps {
    std::deque<Times> instructions;
    std::deque<CUDAEvent> begin; // one
    bool isLeftOut = false;
  };

  void collectInstructions(Steps &steps, Nanoseconds end);
  void addCopy(const Label &label, Nanoseconds from, Nanoseconds to);
  void addWork(const Label &label, const Times &times, Nanoseconds from, Nanoseconds to);

  const bool timed;
  const std::vector<Label> labels;
  Recorder record;
  CopyRate copies;
  Steps steps[2]; // by parity
  uint32_t step = 0;
  Nanoseconds lastEnd = 0;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_STEPTIMER_H
