//===- EmulatedDevice.h - A device that takes the time it is told ----------===//
//
// It computes nothing and sleeps instead, so that many of them need few cores. What
// it sends is of the real size and travels as anything else does, but for copies to its
// host, which take the time they are told, too; of its memory only the message slots are
// real.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_EMULATED_EMULATEDDEVICE_H
#define BITPIPE_RUNTIME_EMULATED_EMULATEDDEVICE_H

#include "lib/Runtime/Emulated/Sleeper.h"
#include "lib/Runtime/Execute/HostDevice.h"
#include "lib/Runtime/Plan/WorkTimes.h"

namespace bitpipe {

/// Refuses times that nobody waits for: the file `source` is hardly in seconds.
/// Throws a UserError.
void checkEmulated(const WorkTimes &times, const std::string &source);

class EmulatedDevice final : public HostDevice {
public:
  /// `times` is how long every instruction takes, in seconds.
  EmulatedDevice(const Program &program, int64_t number, Calls &calls,
                 size_t events, const std::vector<double> &times);

  bool computes() const override { return false; }
  int64_t touchedBytes() const override;
  int64_t touchedOnHost() const override;
  bool beginStep(uint32_t step, const StepInputs &inputs) override;
  void execute(size_t instruction, const Execute &run) override;
  void startedMessage(size_t instruction) override;
  void update(size_t instruction, const Step &step, const OptimizerSettings &) override;
  void round(size_t instruction, const Round &round) override;
  void clear(size_t instruction, const Clear &clear) override;
  void stash(size_t instruction, const Stash &stash) override;
  std::string describeBadIndex() override { return ""; }

protected:
  double squareSum(size_t instruction,
                   const GradNorm &norm) override;
  LossValue loss(int64_t) override { return {0, 0}; }
  bool metBadIndex() const override { return false; }

private:
  void take(size_t instruction, uint32_t category);
  void touch(int64_t slot);

  std::vector<Nanoseconds> times; // by instruction
  Sleeper sleeper;
  bool first = true; // step
  // Pages that a device that computes would have used, and those of its host.
  std::vector<bool> touched, touchedThere;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_EMULATED_EMULATEDDEVICE_H
