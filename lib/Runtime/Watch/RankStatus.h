//===- RankStatus.h - What a rank is doing, as others hear of it ------------===//

#ifndef BITPIPE_RUNTIME_WATCH_RANKSTATUS_H
#define BITPIPE_RUNTIME_WATCH_RANKSTATUS_H

#include "lib/Runtime/Execute/Status.h"
#include "lib/Runtime/Launch/World.h"

#include <vector>

namespace bitpipe {

/// Where a device was at a moment; see DeviceStatus.
struct DeviceMoment {
  uint32_t step = DeviceStatus::noStep, instruction = 0;
  uint32_t passed = 0; // on a GPU: grows with whatever has come to it
  int32_t wait = DeviceStatus::AwaitsStep;

  DeviceMoment() = default;
  explicit DeviceMoment(const DeviceStatus &status)
      : step(status.step.load(std::memory_order_relaxed)),
        instruction(status.instruction.load(std::memory_order_relaxed)),
        wait(status.wait.load(std::memory_order_relaxed)) {}

  /// How many steps it has begun.
  uint32_t begun() const { return step == DeviceStatus::noStep ? 0 : step + 1; }
  bool operator==(const DeviceMoment &) const = default;
};

struct RankStatus {
  /// How a rank is known.
  enum Life : uint8_t { Unheard, Alive, Silent, Ended, Finished };

  Life life = Unheard;
  double silentSeconds = 0; // since it was heard
  MainThread::Moment main;
  std::vector<DeviceMoment> devices;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_WATCH_RANKSTATUS_H
