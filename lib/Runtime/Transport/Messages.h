//===- Messages.h - Tensors from device to device --------------------------===//
//
// Between devices of one process a message is complete as soon as both sides have
// started it: whoever comes second exchanges the memory of the two slots, or
// copies. What the host keeps is copied by a thread beside the device. Between processes the network sends from the one slot and receives into
// the other, and each side is complete for itself.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRANSPORT_MESSAGES_H
#define BITPIPE_RUNTIME_TRANSPORT_MESSAGES_H

#include "lib/Runtime/Execute/LocalDevices.h"
#include "lib/Runtime/Plan/Links.h"
#include "lib/Runtime/Transport/Channels.h"
#include "lib/Runtime/Transport/HostCopies.h"

#include <deque>

namespace bitpipe {

class Messages {
public:
  /// `copySeconds` as in HostCopies.
  Messages(const Links &links, const World &world, const LocalDevices &devices,
           const std::vector<double> *copySeconds = nullptr);

  /// Starts an end of a message: this process's, or one of the two it has.
  void start(int64_t message);
  /// Counts the steps in which a message was complete.
  const Counter &complete(int64_t message) const {
    return states[message].complete;
  }
  CopyRate hostRate(int64_t device) const { return hostCopies.rate(device); }

private:
  struct State {
    Counter started, complete;
  };

  void startSend(const MessageLink &link, Counter &complete);
  void startReceive(const MessageLink &link, Counter &complete);
  void handOver(const MessageLink &link);

  const Links &links;
  const World &world;
  const LocalDevices &devices;
  Channels channels;
  std::deque<State> states;
  HostCopies hostCopies; // ends before the counters that it advances
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRANSPORT_MESSAGES_H
