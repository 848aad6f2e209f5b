//===- CPUDevice.h - A device that computes on the processor ---------------===//
//
// Runs the generated kernels, oneDNN's products and attention in the team of the device,
// whose member 0 is the device's own thread. Everything is prepared before step 1: a call
// allocates nothing, takes no lock and looks nothing up.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CPU_CPUDEVICE_H
#define BITPIPE_RUNTIME_CPU_CPUDEVICE_H

#include "lib/Runtime/CPU/Team.h"
#include "lib/Runtime/Execute/HostDevice.h"

namespace bitpipe {

/// Where the members of a device's team run.
struct TeamPlace {
  std::vector<int> processors; // of every member; empty: wherever the system likes
  Nanoseconds spin;            // see Team
};

class CPUDevice final : public HostDevice {
public:
  CPUDevice(const Program &program, int64_t number, Calls &calls,
            size_t events, WorkClock workClock, const TeamPlace &place);

  bool computes() const override { return true; }
  bool beginStep(uint32_t step, const StepInputs &inputs) override;
  void execute(size_t instruction, const Execute &run) override;
  void update(size_t instruction, const Step &step,
              const OptimizerSettings &settings) override;
  void round(size_t instruction, const Round &round) override;
  void clear(size_t instruction, const Clear &clear) override;
  void stash(size_t instruction, const Stash &stash) override;
  /// The same on all devices of the process.
  std::string describeBadIndex() override;

protected:
  double squareSum(size_t instruction, const GradNorm &norm) override;
  LossValue loss(int64_t slot) override;
  bool metBadIndex() const override { return calls.kernels()->metBadIndex(); }

private:
  void enter(uint32_t member) const;
  /// Steps what the device answers for, and clears its gradients.
  void stepRange(const Step &step, const OptimizerSettings &settings, const UpdateTerms &terms);
  /// Of some elements of a slot, in a fixed order.
  double squareSum(int64_t slot, const Range &range);
  void call(const PreparedRoutine &routine, const PreparedCall &call);
  void callKernel(const PreparedCall &call);
  void callProduct(const PreparedCall &call);
  void callAttention(const PreparedCall &call);
  void findBadIndex(const Execute &run, const PreparedRoutine &routine);
  /// Calls work(begin, end) for parts of `elements`, in several threads.
  template <typename Work> void shareElements(int64_t elements, Work work);
  void zero(float *values, int64_t count);
  char *addressOf(const BlockPlace &place) {
    return place.block < 0 ? nullptr : blocks[place.block] + place.offset;
  }

  const TeamPlace place;
  std::vector<std::unique_ptr<MatmulRunner>> products; // by member
  const AttentionLibrary &attentions;
  std::vector<AttentionLibrary::OwnWorkspace> workspaces; // by member
  std::vector<char *> blocks;    // of the routine that runs
  std::vector<void *> arguments; // of the kernel that runs
  std::vector<double> squares;   // of chunks of gradients
  std::vector<std::vector<Range>> undecayed; // by slot, of weights that are stepped
  Team team; // last: its threads end first
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CPU_CPUDEVICE_H
