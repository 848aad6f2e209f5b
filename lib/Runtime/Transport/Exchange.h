//===- Exchange.h - Messages and sums between threads ---------------------===//
//
// The in-process transport. A message is complete as soon as both sides have
// started it: whoever comes second exchanges the memory of the two slots, or
// copies. A gradient sum runs on threads of its own, one per device, each of
// which adds up one slice over all members in the order of their list.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRANSPORT_EXCHANGE_H
#define BITPIPE_RUNTIME_TRANSPORT_EXCHANGE_H

#include "lib/Runtime/Execute/Counter.h"
#include "lib/Runtime/Plan/Links.h"
#include "lib/Runtime/Execute/Memory.h"

#include <deque>
#include <memory>
#include <thread>

namespace bitpipe {

class Exchange {
public:
  Exchange(const Links &links,
           std::vector<std::unique_ptr<DeviceMemory>> &memories);
  ~Exchange();

  /// Starts a device's end of a message in this step.
  void startMessage(int64_t index);
  /// Starts a device's next sum.
  void startSum(int64_t device) { sums[device].started.advance(); }

  /// Counts the steps in which a message or a sum is complete.
  bool isComplete(const Wait &wait, uint32_t step) const {
    return counterOf(wait).reached(needed(wait, step));
  }
  void waitFor(const Wait &wait, uint32_t step) const {
    counterOf(wait).waitFor(needed(wait, step));
  }

private:
  struct Message {
    Counter started, complete;
  };
  struct Sum {
    std::vector<float *> sources; // of the members, in order
    Counter arrived, slices, complete;
  };
  struct DeviceSums {
    Counter started;
    std::jthread thread;
  };

  const Counter &counterOf(const Wait &wait) const {
    return wait.kind == Wait::Message ? messageStates[wait.index].complete
                                      : sumStates[wait.index].complete;
  }
  static uint32_t needed(const Wait &wait, uint32_t step) {
    return wait.previousStep ? step : step + 1;
  }

  void startThread(int64_t device);
  void stop();
  void sumLoop(int64_t device, std::stop_token stop);

  const Links &links;
  std::vector<std::unique_ptr<DeviceMemory>> &memories;
  std::deque<Message> messageStates;
  std::deque<Sum> sumStates;
  std::deque<DeviceSums> sums;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRANSPORT_EXCHANGE_H
