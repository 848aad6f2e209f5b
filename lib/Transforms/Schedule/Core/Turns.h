//===- Turns.h - Devices that wait for each other's tensors ------*- C++ -*-===//
//
// Devices take turns: one runs on until it needs something that is not made yet,
// notes itself as waiting for that, and is woken when it is made. So what a device
// does next is looked at twice at most, and everything is done that can be.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CORE_TURNS_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CORE_TURNS_H

#include <cstddef>
#include <vector>

namespace bitpipe::schedule {

/// Tensors are numbered, and each is waited for by one device at most.
class Turns {
public:
  Turns(size_t devices, size_t tensors) : devices(devices), waiter(tensors, -1) {}

  /// Calls `advance(device)`, first for every device in order, until nobody is
  /// woken any more.
  template <typename Advance> void run(Advance advance) {
    for (size_t device = devices; device-- > 0;)
      worklist.push_back(int(device));
    while (!worklist.empty()) {
      int device = worklist.back();
      worklist.pop_back();
      advance(device);
    }
  }

  /// The device goes on when the tensor is made.
  void waitFor(int device, size_t tensor) { waiter[tensor] = device; }

  void made(size_t tensor) {
    if (waiter[tensor] >= 0)
      worklist.push_back(waiter[tensor]);
  }

private:
  size_t devices;
  std::vector<int> waiter, worklist;
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CORE_TURNS_H
