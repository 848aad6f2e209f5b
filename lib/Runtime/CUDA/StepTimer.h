//===- StepTimer.h - When a GPU began and ended what it did ----------------------===//
//
// Without being asked it knows only when a step has ended. Where instructions are
// timed, an event is recorded before and after each, and after each call of a routine;
// what lies between two instructions is waiting. Messages, sums, gathers, and copies to the host and
// back, go on beside what is computed and are timed in their own streams, by whoever puts them
// there.
//
// The first step begins at once when it is told to, which puts all times on the clock of the
// host. Clocks drift apart: a step begins after it was told to, and has ended when the host learns of it.
// Times between events lose precision as they grow, so that they are of a step not long ago.
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
    bool beside;                    // what it starts goes on beside what is computed
    int64_t copied;                 // bytes that it sends to the host or from there; else 0
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
  /// What lies between the two is waiting, and no work of the norm.
  void pauseNorm(size_t instruction, cuda::Stream stream);
  void resumeNorm(size_t instruction, cuda::Stream stream);
  void end(size_t instruction, cuda::Stream stream);
  void endStep(cuda::Stream stream);
  /// What an instruction has started ends in the stream in which it began. By the thread that
  /// puts it there, before this device's thread can be at the next step.
  void endBeside(size_t instruction, cuda::Stream stream);

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
    std::deque<CUDAEvent> calls; // after each; of a norm, where it pauses and goes on
    bool used = false;
  };
  struct Steps {
    std::deque<Times> instructions;
    std::deque<CUDAEvent> marks; // its begin and end
    Nanoseconds told = 0;        // when it was to begin
    bool isLeftOut = false;
  };

  Nanoseconds originOf(uint32_t number, const Steps &steps, Nanoseconds end);
  static Nanoseconds endOf(const Steps &steps, Nanoseconds origin);
  Nanoseconds collectInstructions(uint32_t number, Nanoseconds end);
  void addBeside(const Label &label, Nanoseconds from, Nanoseconds to);
  Nanoseconds addWork(const Label &label, const Times &times, Nanoseconds from, Nanoseconds to);
  Nanoseconds addNorm(const Label &label, const Times &times, Nanoseconds from, Nanoseconds to);
  void addCalls(const Label &label, const Times &times, Nanoseconds from, Nanoseconds to);

  const bool timed;
  const std::vector<Label> labels;
  Recorder record;
  CopyRate copies;
  Steps steps[2]; // by parity
  static constexpr uint32_t anchorSteps = 64;
  std::deque<CUDAEvent> anchors; // begins of the last steps of such numbers, by turns
  Nanoseconds anchored = 0;      // when the last one was, on the host's clock
  uint32_t step = 0;
  Nanoseconds lastEnd = 0;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_STEPTIMER_H
