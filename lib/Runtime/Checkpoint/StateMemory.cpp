//===- StateMemory.cpp - The state in the memory of this process -----------===//

#include "lib/Runtime/Checkpoint/StateMemory.h"

#include <algorithm>
#include <cstring>

using namespace bitpipe;

bool StateMemory::has(const StateTensor &tensor) const {
  return tensor.places.empty()
             ? hasUnread
             : std::ranges::any_of(tensor.places, [&](const StatePlace &place) {
                 return devices.holds(place.device);
               });
}

void StateMemory::read(const StatePlace &place, char *target) const {
  devices[place.device].download(place.slot, place.offset, target, place.bytes);
}

void StateMemory::readUnread(const StateTensor &tensor, char *target) const {
  std::memcpy(target, parameters.unread()[tensor.name].data(), tensor.bytes);
}

void StateMemory::write(const StateTensor &tensor, const char *source) {
  if (tensor.places.empty())
    parameters.unread()[tensor.name].assign(source, source + tensor.bytes);
  for (const StatePlace &place : tensor.places)
    if (devices.holds(place.device))
      devices[place.device].upload(place.slot, place.offset, source + place.begin,
                                   place.bytes);
}
