//===- StateMemory.h - The state in the memory of this process -------------===//

#ifndef BITPIPE_RUNTIME_CHECKPOINT_STATEMEMORY_H
#define BITPIPE_RUNTIME_CHECKPOINT_STATEMEMORY_H

#include "lib/Runtime/Checkpoint/StateTensors.h"
#include "lib/Runtime/Train/Parameters.h"

namespace bitpipe {

/// For use while the devices stand still.
class StateMemory {
public:
  StateMemory(const LocalDevices &devices, Parameters &parameters,
              const World &world)
      : devices(devices), parameters(parameters), hasUnread(world.speaks()) {}

  /// Whether some of it lives here.
  bool has(const StateTensor &tensor) const;
  bool has(const StatePlace &place) const { return devices.holds(place.device); }

  /// Copies what a place of this process holds.
  void read(const StatePlace &place, char *target) const;
  /// Copies a parameter that no device computes with.
  void readUnread(const StateTensor &tensor, char *target) const;
  /// Writes a tensor to all its places here.
  void write(const StateTensor &tensor, const char *source);

private:
  const LocalDevices &devices;
  Parameters &parameters;
  bool hasUnread; // parameters that no device computes with
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CHECKPOINT_STATEMEMORY_H
