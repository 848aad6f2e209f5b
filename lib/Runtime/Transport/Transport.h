//===- Transport.h - How devices exchange what they compute ----------------===//
//
// The other seam under the runtime: messages, gradient sums and gathers of what was
// stepped, and the numbers by which all devices judge a step. What is started is named by its number in
// Links; its completion is an event.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRANSPORT_TRANSPORT_H
#define BITPIPE_RUNTIME_TRANSPORT_TRANSPORT_H

#include "lib/Runtime/Execute/Device.h"
#include "lib/Runtime/Plan/Links.h"
#include "lib/Runtime/Transport/HostCopies.h"

namespace bitpipe {

class Transport {
public:
  virtual ~Transport() = default;

  /// Starts a device's end of a message in this step.
  virtual void startMessage(int64_t device, int64_t message) = 0;
  /// Starts a device's next sum or gather, in the order of DeviceLinks::collectives.
  virtual void startCollective(int64_t device) = 0;
  /// When a message or collective is complete at this device, in a step or in the one
  /// before it.
  virtual Event completion(int64_t device, const Wait &wait,
                           uint32_t step) const = 0;

  /// Waits until what the devices of this process have started in a step is complete,
  /// which they have ended. The last step is finished before the transport goes.
  virtual void finishStep(uint32_t step) const = 0;

  /// The device's parts of its collectives in the last steps, the last one first:
  /// [in the order of DeviceLinks::collectives][step]. They begin when the other members
  /// in this process have come to it.
  virtual std::vector<std::vector<TimedWork>> collectiveTimes(int64_t device) const = 0;

  /// In how many steps what is waited for has come to a device, where its GPU tells
  /// (CUDA/Marks.h). Called by any thread.
  virtual std::optional<uint32_t> stepsPassed(int64_t, const Wait &) const {
    return std::nullopt;
  }
  /// The same of the numbers of all devices.
  virtual std::optional<uint32_t> stepsAgreed(int64_t) const { return std::nullopt; }

  /// What a device has copied to its host and back, while it stands still.
  virtual CopyRate hostRate(int64_t) const { return {}; }

  /// Takes what a device has found of a step, after Device::contribute.
  virtual void contribute(int64_t device, uint32_t step) = 0;
  /// When the numbers of all devices are there; they stay until the step after
  /// the next.
  virtual Event agreement(uint32_t step) const = 0;
  virtual StepNumbers numbers(uint32_t step) const = 0;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRANSPORT_TRANSPORT_H
