//===- NetworkThread.h - The one thread that uses the network --------------===//
//
// Devices and sums post what they send and receive, and wait on a counter. The
// thread hands it to the library and polls: at once while messages come and go,
// then less and less often, since there may be more processes than cores.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRANSPORT_NETWORKTHREAD_H
#define BITPIPE_RUNTIME_TRANSPORT_NETWORKTHREAD_H

#include "lib/Runtime/Execute/Counter.h"
#include "lib/Runtime/Transport/Network.h"

#include <functional>
#include <memory>

namespace bitpipe {

class NetworkThread {
public:
  /// `failed` is called once, from the thread, when the network fails. The thread
  /// ends afterwards; what is under way is never complete.
  NetworkThread(std::unique_ptr<Network> network,
                std::function<void(const NetworkError &)> failed);
  /// Gives up what is under way and leaves the library as it is, for a process that
  /// ends for a fault. Does not block.
  ~NetworkThread();

  int rank() const;
  int size() const;
  std::string description() const;
  size_t eagerBytes(int to) const;

  /// Starts a message, whose counter advances when it is complete here. Any thread
  /// may call; those posted by one thread start in its order. A receive may be
  /// larger than what comes.
  void send(int to, uint32_t channel, const void *data, size_t bytes,
            Counter &complete);
  void receive(int from, uint32_t channel, void *data, size_t bytes,
               Counter &complete);

  /// Waits until everything posted is complete and all ranks have come here, then
  /// ends the use of the library. For the thread that formed the world.
  void finish();

private:
  struct State;
  std::unique_ptr<State> state;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRANSPORT_NETWORKTHREAD_H
