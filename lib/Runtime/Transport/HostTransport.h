//===- HostTransport.h - Exchange in memory and over a network --------------===//
//
// Between devices of one process through memory, between processes through
// their network; which of the two is no concern of a device.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRANSPORT_HOSTTRANSPORT_H
#define BITPIPE_RUNTIME_TRANSPORT_HOSTTRANSPORT_H

#include "lib/Runtime/Transport/Agreement.h"
#include "lib/Runtime/Transport/Messages.h"
#include "lib/Runtime/Transport/Collectives.h"
#include "lib/Runtime/Transport/Transport.h"

namespace bitpipe {

class HostTransport final : public Transport {
public:
  /// `collectiveTimes` and `threads` as in Collectives, `copySeconds` as in HostCopies.
  HostTransport(const Program &program, const Links &links, const World &world,
                const LocalDevices &devices, const std::vector<double> *collectiveTimes = nullptr,
                uint32_t threads = 1, const std::vector<double> *copySeconds = nullptr)
      : devices(devices), messages(links, world, devices, copySeconds), collectives(links, world, devices, collectiveTimes, threads),
        agreements(program, world, devices.share()) {}

  void startMessage(int64_t, int64_t message) override {
    messages.start(message);
  }
  void startCollective(int64_t device) override { collectives.start(device); }
  Event completion(int64_t, const Wait &wait, uint32_t step) const override {
    const Counter &complete = wait.kind == Wait::Message
                                  ? messages.complete(wait.index)
                                  : collectives.complete(wait.index);
    return {&complete, wait.previousStep ? step : step + 1};
  }
  /// Messages that nobody waits for concern memory that nobody reads.
  void finishStep(uint32_t step) const override { collectives.finishStep(step); }

  std::vector<std::vector<TimedWork>> collectiveTimes(int64_t device) const override {
    return collectives.times(device);
  }
  CopyRate hostRate(int64_t device) const override { return messages.hostRate(device); }
  void contribute(int64_t device, uint32_t step) override {
    agreements.contribute(device, step, devices[device].contribution());
  }
  Event agreement(uint32_t step) const override {
    return {&agreements.complete(), step + 1};
  }
  StepNumbers numbers(uint32_t step) const override {
    return agreements.numbers(step);
  }

private:
  const LocalDevices &devices;
  Messages messages;
  Collectives collectives;
  Agreement agreements;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRANSPORT_HOSTTRANSPORT_H
