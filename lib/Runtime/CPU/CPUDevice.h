//===- CPUDevice.h - A device that computes on the processor ---------------===//
//
// Runs the generated kernels, oneDNN's products and attention in the thread of the device.
// Everything is prepared before step 1: a call allocates nothing, takes no lock
// and looks nothing up.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CPU_CPUDEVICE_H
#define BITPIPE_RUNTIME_CPU_CPUDEVICE_H

#include "lib/Runtime/Execute/HostDevice.h"

namespace bitpipe {

class CPUDevice final : public HostDevice {
public:
  CPUDevice(const Program &program, int64_t number, Calls &calls,
            size_t events, WorkClock workClock);

  bool computes() const override { return true; }
  void execute(size_t instruction, const Execute &run) override;
  double squareSum(size_t instruction,
                   const std::vector<int64_t> &slots) override;
  LossValue loss(int64_t slot) override;
  bool metBadIndex() const override { return calls.kernels()->metBadIndex(); }
  void update(size_t instruction, const Step &step,
              const OptimizerSettings &settings,
              const Judgement &judgement) override;

private:
  void call(const PreparedRoutine &routine, const PreparedCall &call);
  void findBadIndex(const Execute &run, const PreparedRoutine &routine);
  char *addressOf(const BlockPlace &place) {
    return place.block < 0 ? nullptr : blocks[place.block] + place.offset;
  }

  MatmulRunner products;
  const AttentionLibrary &attentions;
  std::vector<char *> blocks;    // of the routine that runs
  std::vector<void *> arguments; // of the kernel that runs
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CPU_CPUDEVICE_H
