//===- HostDevice.h - What devices on the host have in common --------------===//
//
// Memory, inputs, waiting and the clock of a device whose work its own thread does:
// between any two pieces of work the clock is read once.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_EXECUTE_HOSTDEVICE_H
#define BITPIPE_RUNTIME_EXECUTE_HOSTDEVICE_H

#include "lib/Runtime/Execute/Calls.h"
#include "lib/Runtime/Execute/Device.h"

namespace bitpipe {

class HostDevice : public Device {
public:
  /// How the work of an instruction is timed.
  enum class WorkClock {
    Time,      // by the clock
    Processor, // by what the thread had of a processor, where others want it too
  };

  /// `events` is how many trace events to keep.
  HostDevice(const Program &program, int64_t number, Calls &calls,
             size_t events, WorkClock workClock, Arena::Use use = Arena::Dense);

  void begin(UpdateState state) override { results[1].judgement.state = state; }
  bool beginStep(uint32_t step, const StepInputs &inputs) override;
  void endStep() override;
  void poison() override;
  void await(const Event &event, size_t instruction) override;
  void awaitNumbers(const Event &event, size_t instruction) override;
  void finishInstruction(size_t instruction) override;
  void startedMessage(size_t instruction) override;
  void contribute(size_t instruction, const GradNorm &norm) override;
  const Contribution &contribution() const override { return mine; }
  void judge(size_t instruction, const StepNumbers &numbers,
             const StepInputs &inputs) override;
  StepResult result(uint32_t number) override { return results[number % 2]; }
  void upload(int64_t slot, int64_t offset, const void *data,
              int64_t bytes) override;
  void download(int64_t slot, int64_t offset, void *data,
                int64_t bytes) override;
  int64_t touchedBytes() const override { return arena.residentBytes(); }
  int64_t touchedOnHost() const override { return device.host ? onHost.residentBytes() : 0; }
  SlotAddresses &memory() override { return slots; }
  const Recorder &recorder() const override { return record; }

protected:
  /// Sum of squares of what the norm takes, in a fixed order.
  virtual double squareSum(size_t instruction, const GradNorm &norm) = 0;
  virtual LossValue loss(int64_t slot) = 0;
  /// Whether a kernel has met an index outside of its table, ever.
  virtual bool metBadIndex() const = 0;
  /// What an update does: the one that ends the current step, as it is judged, or one
  /// within it, which no other device has a say in.
  struct UpdateTerms {
    int64_t number; // of the updates of the training, from 1
    float gradientScale;
    bool skips;
  };
  UpdateTerms termsOf(const Step &update) const;
  /// Of an update within a step, to its norm.
  void addSquares(double sum) { mine.squares += sum; }
  /// Books the time since the last piece of work.
  void finishPart(uint32_t category, uint32_t label, Nanoseconds end = now());
  /// What follows, up to the next wait's end, is no work of the instruction.
  void pauseWork() { workPaused = workTime(); }
  uint32_t labelOf(size_t instruction) const {
    return labels[instruction].instruction;
  }
  /// Books a run that began then and has just ended.
  void finishRun(size_t instruction, Nanoseconds begin) {
    record.addEvent(Calls::Runs, labelOf(instruction), begin, clock);
  }

  const Program &program;
  const DeviceList &device;
  const Calls &calls;
  Arena arena;
  Arena onHost; // what the host keeps of it
  SlotAddresses slots;
  Nanoseconds clock = 0; // where the last piece of work ended

private:
  /// Books the time since the last piece of work as waiting.
  void waited(size_t instruction);
  Nanoseconds workTime() const {
    return timesProcessor ? processorTime()
                          : clock - record.timeOf(Calls::Waiting);
  }

  struct Label {
    uint32_t instruction, wait;
  };

  Recorder record;
  std::vector<Label> labels;
  uint32_t betweenSteps; // label
  std::vector<int64_t> inputSlots, seedSlots, keySlots, lossSlots, deadSlots;
  Contribution mine;         // to the current step
  StepResult results[2]{}; // of the last two steps, by their number modulo two
  std::vector<uint64_t> keys; // of the key slots, for the current step
  float seed[2];              // likewise
  std::vector<float> seeds;   // of the updates of a step, where there are many
  int64_t maxBadSteps = 0;    // likewise
  uint32_t step = 0;
  Nanoseconds stepBegin = 0; // without the wait before it
  Nanoseconds lastEnd = 0;   // of the step before
  Nanoseconds waitedBefore = 0;
  const bool timesProcessor;
  Nanoseconds instructionBegin = 0;
  // On the clock of work: where that of the instruction began, and where it paused.
  Nanoseconds workBegin = 0, workPaused = 0;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_EXECUTE_HOSTDEVICE_H
