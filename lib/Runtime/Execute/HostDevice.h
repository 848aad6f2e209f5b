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
  /// `events` is how many trace events to keep.
  HostDevice(const Program &program, int64_t number, Calls &calls,
             size_t events);

  void beginStep(uint32_t step, const StepInputs &inputs) override;
  void endStep() override;
  void poison() override;
  void await(const Event &event, size_t instruction) override;
  void waited(size_t instruction) override;
  void finishInstruction(size_t instruction) override;
  void startedMessage(size_t instruction) override;
  void upload(int64_t slot, int64_t offset, const void *data,
              int64_t bytes) override;
  void download(int64_t slot, int64_t offset, void *data,
                int64_t bytes) override;
  DeviceMemory &memory() override { return slots; }
  const Recorder &recorder() const override { return record; }

protected:
  /// Books the time since the last piece of work.
  void finishPart(uint32_t category, uint32_t label);
  uint32_t labelOf(size_t instruction) const {
    return labels[instruction].instruction;
  }
  /// Books a run that began then and has just ended.
  void finishRun(size_t instruction, Nanoseconds begin) {
    record.addEvent(Calls::Runs, labelOf(instruction), begin, clock);
  }

  const Program &program;
  const DeviceProgram &device;
  const Calls &calls;
  DeviceMemory slots;
  Nanoseconds clock = 0; // where the last piece of work ended

private:
  struct Label {
    uint32_t instruction, wait;
  };

  Recorder record;
  std::vector<Label> labels;
  uint32_t betweenSteps; // label
  std::vector<int64_t> inputSlots, seedSlots, keySlots, deadSlots;
  std::vector<uint64_t> keys; // of the key slots, for the current step
  float seed[2];              // likewise
  uint32_t step = 0;
  Nanoseconds stepBegin = 0, instructionBegin = 0;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_EXECUTE_HOSTDEVICE_H
