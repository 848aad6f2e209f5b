//===- Channels.h - Which numbers messages between processes have ----------===//
//
// One channel per directed pair of devices for messages, one for the sums and gathers of that
// pair, one for the numbers that all agree upon, and those of the world.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRANSPORT_CHANNELS_H
#define BITPIPE_RUNTIME_TRANSPORT_CHANNELS_H

#include <cstdint>

namespace bitpipe {

/// Of a plan with so many devices, at most 1024.
struct Channels {
  int64_t devices;

  uint32_t message(int64_t from, int64_t to) const {
    return uint32_t(from * devices + to);
  }
  uint32_t sum(int64_t from, int64_t to) const {
    return uint32_t(devices * devices) + message(from, to);
  }
  uint32_t agreement() const { return uint32_t(2 * devices * devices); }
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRANSPORT_CHANNELS_H
