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

  /// Whether this process is the one that saves it.
  bool saves(const StateTensor &tensor) const {
    return tensor.places.empty() ? hasUnread
                                 : devices.holds(tensor.places.front().device);
  }
  /// Whether it lives here.
  bool has(const StateTensor &tensor) const;

  /// Copies a tensor that this process saves.
  void read(const StateTensor &tensor, char *target) const;
  /// Writes a tensor to all its places here.
  void write(const StateTensor &tensor, const char *source);

private:
  const LocalDevices &devices;
  Parameters &parameters;
  bool hasUnread; // parameters that no device computes with
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CHECKPOINT_STATEMEMORY_H
