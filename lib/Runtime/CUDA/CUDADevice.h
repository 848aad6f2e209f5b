//===- CUDADevice.h - A device that is a GPU ------------------------------------===//
//
// What it is asked to do it puts into a stream: a step is under way when its list has
// been walked. The host waits once, for what the step came to. Losses, the norm and
// what follows from them stay in the memory of the GPU, where updates read them.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_CUDADEVICE_H
#define BITPIPE_RUNTIME_CUDA_CUDADEVICE_H

#include "lib/Runtime/CUDA/DeviceLayout.h"
#include "lib/Runtime/CUDA/GPURoutines.h"
#include "lib/Runtime/CUDA/HostLink.h"
#include "lib/Runtime/CUDA/Marks.h"
#include "lib/Runtime/CUDA/StepGraph.h"
#include "lib/Runtime/CUDA/StepTimer.h"
#include "lib/Runtime/Execute/Device.h"

#include <memory>

namespace bitpipe {

class CUDADevice : public Device {
public:
  /// `image` are the plan's kernels. `graph` is what the devices of the process share;
  /// null: every step is walked. `events` is how many trace events to keep, and
  /// `timed` whether instructions are timed.
  CUDADevice(const Program &program, int64_t number, const GPU &gpu, const std::string &image,
             const LibraryChoices &libraries, StepGraph *graph, Calls &names, size_t events,
             bool timed);
  ~CUDADevice() override;

  void begin(UpdateState state) override;
  bool beginStep(uint32_t step, const StepInputs &inputs) override;
  void endStep() override;
  void poison() override;
  void await(const Event &event, size_t instruction) override;
  void awaitNumbers(const Event &event, size_t instruction) override {
    await(event, instruction);
    timer.resumeNorm(instruction, compute);
  }
  void finishInstruction(size_t instruction) override;
  void execute(size_t instruction, const Execute &run) override;
  void startedMessage(size_t instruction) override {}
  void contribute(size_t instruction, const GradNorm &norm) override;
  const Contribution &contribution() const override { return nothing; }
  void judge(size_t instruction, const StepNumbers &, const StepInputs &) override;
  void update(size_t instruction, const Step &step, const OptimizerSettings &) override;
  void round(size_t instruction, const Round &round) override;
  void clear(size_t instruction, const Clear &clear) override;
  void stash(size_t instruction, const Stash &stash) override;
  StepResult result(uint32_t step) override;
  std::optional<uint32_t> stepsEnded() const override { return end.steps(0); }
  std::string describeBadIndex() override;
  std::string place() const override { return unit.text(); }
  int64_t libraryBytes() const override { return unit.takenBeside(); }
  bool computes() const override { return false; } // on processors of this machine
  int64_t touchedBytes() const override { return layout.bytes; }
  int64_t touchedOnHost() const override { return device.host; }
  void upload(int64_t slot, int64_t offset, const void *data, int64_t bytes) override;
  void download(int64_t slot, int64_t offset, void *data, int64_t bytes) override;
  SlotAddresses &memory() override { return slots; }
  const Recorder &recorder() const override { return timer.recorder(); }

  /// Prints how long each call of a step takes by itself, on whatever memory holds: what
  /// is trained is lost.
  void timeCalls();

  LibraryCounts libraryCounts() const { return routines.libraryCounts(); }

  // For transports.
  const GPU &gpu() const { return unit; }
  const CUDAStream &stream() const { return compute; }
  const OwnKernels &kernels() const { return own; }
  /// Of a device whose host keeps something.
  const HostLink &host() const { return *hostLink; }
  /// Whether an instruction sends a copy to the host or from there.
  bool sendsToItself(size_t instruction) const {
    auto *send = std::get_if<Transmit>(&device.instructions[instruction]);
    return send && send->to == number;
  }
  /// Whether an instruction starts a sum or gather.
  bool startsCollective(size_t instruction) const {
    return std::holds_alternative<Collective>(device.instructions[instruction]);
  }
  StepTimer &stepTimer() { return timer; }
  /// Where a step that is under way finds how many have begun; see Marks.
  cuda::Pointer begunSteps() const { return memoryAt(layout.given + layout.begun); }
  CopyRate copyRate() const { return timer.copyRate(); }
  /// Where the numbers of all devices are gathered.
  cuda::Pointer numbers() const { return memoryAt(layout.numbers); }
  /// So many doubles are this device's among them, which follow those of the devices before.
  int64_t numbersOfDevice() const { return 2 * layout.numberCount; }
  /// Whom this device gives its numbers to, itself among them.
  void setTargets(const std::vector<cuda::Pointer> &targets);

  // For printed programs.
  cuda::Function plannedKernel(const std::string &entry, int64_t sharedBytes) const {
    return planned.find(entry, sharedBytes);
  }
  Attentions &attentions() { return routines.allAttentions(); }
  Products &products() { return routines.allProducts(); }
  cuda::Pointer scratch() const { return memoryAt(layout.scratch); }
  /// For cuBLASLt.
  cuda::Pointer workspace() const { return memoryAt(layout.workspace); }

private:
  cuda::Pointer memoryAt(int64_t offset) const { return all.begin() + cuda::Pointer(offset); }
  template <typename T> T *at(int64_t offset) const {
    return reinterpret_cast<T *>(memoryAt(offset));
  }
  int64_t seedOf(const Slot &slot) const;
  void setAddresses();
  void fillGiven(const StepInputs &inputs);
  void poisonHost();
  void copyIn(cuda::Pointer to, const void *data, int64_t bytes);
  void copyOut(void *data, cuda::Pointer from, int64_t bytes) const;
  std::span<char *const> blocksOf(const Execute &run);
  double *addSquares(double *partials, int64_t slot, const Range &range);
  std::string variable(const std::string &name) const;
  std::string runThatFollows(int64_t address);

  const Program &program;
  const DeviceList &device;
  const int64_t number;
  const GPU &unit;
  const CUDAModule planned; // the plan's kernels
  const OwnKernels own;
  const CUDAStream compute;
  GPURoutines routines;
  const DeviceLayout layout;
  const DeviceMemory all;
  const std::unique_ptr<HostLink> hostLink; // null: the host keeps nothing
  SlotAddresses slots;
  StepGraph *graph;
  const std::unique_ptr<PinnedMemory> given[2]; // what the host gives, by parity
  const PinnedMemory verdicts, bounce;          // two verdicts; pieces of uploads
  const CUDAEvent ended[2];                     // steps, by parity
  const Marks end;                              // of a step: one
  cuda::Pointer indexRecord;
  gpu::Contribute contributing{};
  std::vector<char *> blocks; // of the routine that is put into the stream
  uint32_t step = 0;
  const bitpipe::Contribution nothing{};
  StepTimer timer;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_CUDADEVICE_H
