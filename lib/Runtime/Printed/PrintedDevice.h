//===- PrintedDevice.h - A GPU whose steps are a printed program's ------------===//

#ifndef BITPIPE_RUNTIME_PRINTED_PRINTEDDEVICE_H
#define BITPIPE_RUNTIME_PRINTED_PRINTEDDEVICE_H

#include "lib/Runtime/CUDA/CUDADevice.h"
#include "lib/Runtime/Plan/Links.h"
#include "lib/Runtime/Printed/Program.h"

namespace bitpipe {

/// Nobody walks its list: in its place runs what was printed of it.
class PrintedDevice final : public CUDADevice {
public:
  using CUDADevice::CUDADevice;
  /// Nothing may run that uses the program's events.
  ~PrintedDevice() override { cuda::driver().streamSynchronize(stream()); }

  /// When all devices are connected. Throws a UserError if the program was not printed of
  /// this plan.
  void load(const printed::Table &table, const Program &program, const Links &links,
            int64_t number, NCCLTransport *nccl);

  bool beginStep(uint32_t step, const StepInputs &inputs) override {
    if (CUDADevice::beginStep(step, inputs))
      steps->step();
    return false;
  }

private:
  std::unique_ptr<printed::Runtime> runtime;
  std::unique_ptr<printed::DeviceSteps> steps;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PRINTED_PRINTEDDEVICE_H
