//===- LocalDevices.h - The devices of this process ------------------------===//

#ifndef BITPIPE_RUNTIME_EXECUTE_LOCALDEVICES_H
#define BITPIPE_RUNTIME_EXECUTE_LOCALDEVICES_H

#include "lib/Runtime/Execute/Device.h"
#include "lib/Runtime/Launch/Share.h"

#include <memory>

namespace bitpipe {

/// Devices by their number in the plan.
class LocalDevices {
public:
  explicit LocalDevices(Share share) : range(share) {}

  const Share &share() const { return range; }
  bool holds(int64_t number) const { return range.holds(number); }
  void add(std::unique_ptr<Device> device) {
    devices.push_back(std::move(device));
  }
  Device &operator[](int64_t number) const {
    return *devices[number - range.first];
  }

private:
  Share range;
  std::vector<std::unique_ptr<Device>> devices;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_EXECUTE_LOCALDEVICES_H
