//===- DeviceRunner.h - Walks one device's list ---------------------------===//
//
// The inner loop of the runtime, the same for every kind of device and transport.
// Everything it needs is prepared before step 1; it allocates nothing, takes no
// lock and looks nothing up.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_EXECUTE_DEVICERUNNER_H
#define BITPIPE_RUNTIME_EXECUTE_DEVICERUNNER_H

#include "lib/Runtime/Execute/Status.h"
#include "lib/Runtime/Transport/Transport.h"

namespace bitpipe {

class DeviceRunner {
public:
  DeviceRunner(const Program &program, const Links &links, int64_t number,
               Device &device, Transport &transport, bool poison);

  /// Runs one step, counted from 0 in this process.
  void run(uint32_t step, const StepInputs &inputs);

  const DeviceStatus &status() const { return doing; }

private:
  void poison();
  void await(size_t instruction);
  void awaitGathers();
  void perform(size_t instruction);
  void agree(size_t instruction, const GradNorm &norm);

  const DeviceList &list;
  const DeviceLinks &links;
  const int64_t number;
  Device &device;
  Transport &transport;
  const bool poisons;
  uint32_t step = 0;
  const StepInputs *inputs = nullptr; // of the current step
  DeviceStatus doing;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_EXECUTE_DEVICERUNNER_H
