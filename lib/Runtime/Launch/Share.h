//===- Share.h - The devices of a process ----------------------------------===//

#ifndef BITPIPE_RUNTIME_LAUNCH_SHARE_H
#define BITPIPE_RUNTIME_LAUNCH_SHARE_H

#include "lib/Runtime/Launch/World.h"

namespace bitpipe {

/// Devices [first, end) of all devices of a plan.
struct Share {
  int64_t first, end;

  bool holds(int64_t device) const { return first <= device && device < end; }
  int64_t count() const { return end - first; }
};

inline Share shareOf(const World &world, int64_t devices) {
  return {world.firstDevice(devices, world.rank()),
          world.firstDevice(devices, world.rank() + 1)};
}

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_LAUNCH_SHARE_H
