//===- Device.h - What executes a device's list ---------------------------===//
//
// The seam under the runtime: DeviceRunner walks a list and knows nothing of
// memory, types and clocks; a Device executes, waits and keeps the time. Places
// are slots, work is named by the number of its instruction. All members but
// upload and download are called by the device's own thread.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_EXECUTE_DEVICE_H
#define BITPIPE_RUNTIME_EXECUTE_DEVICE_H

#include "lib/Runtime/Execute/Event.h"
#include "lib/Runtime/Execute/Judge.h"
#include "lib/Runtime/Execute/Memory.h"
#include "lib/Runtime/Execute/Recorder.h"

namespace bitpipe {

/// What a micro-batch adds to the loss.
struct LossValue {
  double loss, count; // count is 0 unless the model has one
};

/// What a device knows of a step when it has computed all gradients.
struct Contribution {
  double squares; // of its gradients
  bool badIndex;  // a kernel has met an index outside of its table, ever
  std::vector<LossValue> losses; // of its loss slots, in their order
};

class Device {
public:
  virtual ~Device() = default;

  /// Where the training stands, before the first step.
  virtual void begin(UpdateState state) = 0;
  /// Takes the inputs of a step, the `step`-th that this process runs from 0. False if
  /// the device has the whole step ready, and its list is not to be walked.
  virtual bool beginStep(uint32_t step, const StepInputs &inputs) = 0;
  virtual void endStep() = 0;
  /// Fills what holds nothing from one step to the next with bytes that are NaN as
  /// any float and below 0 as any index. No message may be under way.
  virtual void poison() = 0;

  /// Lets what follows begin once the event is complete.
  virtual void await(const Event &event, size_t instruction) = 0;
  /// The same for the numbers by which the step is judged.
  virtual void awaitNumbers(const Event &event, size_t instruction) = 0;
  /// Ends the account of an instruction.
  virtual void finishInstruction(size_t instruction) = 0;

  virtual void execute(size_t instruction, const Execute &run) = 0;
  /// Books the start of a message.
  virtual void startedMessage(size_t instruction) = 0;
  /// Finds what this device knows of the step: the sum of squares of its gradients, in
  /// a fixed order, its losses, and whether a kernel has met a bad index. A transport
  /// takes it from there.
  virtual void contribute(size_t instruction, const GradNorm &norm) = 0;
  /// What was found, on a device in the host's memory.
  virtual const Contribution &contribution() const = 0;
  /// Decides what updates do, from the numbers of all devices, which are empty where
  /// the device finds them in a memory of its own.
  virtual void judge(size_t instruction, const StepNumbers &numbers,
                     const StepInputs &inputs) = 0;
  virtual void update(size_t instruction, const Step &step,
                      const OptimizerSettings &settings) = 0;
  virtual void round(size_t instruction, const Round &round) = 0;
  virtual void clear(size_t instruction, const Clear &clear) = 0;
  virtual void stash(size_t instruction, const Stash &stash) = 0;
  /// Waits for the end of a step, one of the last two, and says what was decided. Called
  /// by any thread.
  virtual StepResult result(uint32_t step) = 0;
  /// The first index outside of its table that a kernel has met, while the device stands
  /// still; empty if none has.
  virtual std::string describeBadIndex() = 0;
  /// How many steps have ended of those that the thread of a GPU has put into its streams;
  /// nothing if the thread does all work itself. Called by any thread.
  virtual std::optional<uint32_t> stepsEnded() const { return std::nullopt; }
  /// The GPU that it is; empty if it is none.
  virtual std::string place() const { return ""; }
  /// What libraries have taken of the memory of that GPU, for all devices on it.
  virtual int64_t libraryBytes() const { return 0; }

  /// Whether its work needs a processor of this machine.
  virtual bool computes() const = 0;
  /// Of its arena, what its work has used so far.
  virtual int64_t touchedBytes() const = 0;
  /// Of the host's memory that it has in the plan, likewise.
  virtual int64_t touchedOnHost() const { return 0; }

  /// Copies bytes into or out of a slot, while the device stands still.
  virtual void upload(int64_t slot, int64_t offset, const void *data,
                      int64_t bytes) = 0;
  virtual void download(int64_t slot, int64_t offset, void *data,
                        int64_t bytes) = 0;

  /// Where a transport finds the slots.
  virtual SlotAddresses &memory() = 0;
  virtual const Recorder &recorder() const = 0;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_EXECUTE_DEVICE_H
