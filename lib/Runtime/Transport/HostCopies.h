//===- HostCopies.h - Between devices and what their hosts keep ------------===//
//
// An activation that moves to a device's host is copied to an arena of the host's, and back. A thread for each device that does so
// makes one copy at a time, in the order in which they start, so that they go on beside the
// device's runs as they would on a link of its own.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRANSPORT_HOSTCOPIES_H
#define BITPIPE_RUNTIME_TRANSPORT_HOSTCOPIES_H

#include "lib/Runtime/Emulated/Sleeper.h"
#include "lib/Runtime/Execute/LocalDevices.h"
#include "lib/Runtime/Plan/Links.h"

#include <map>
#include <thread>
#include <vector>

namespace bitpipe {

class HostCopies {
public:
  /// `seconds` are what copies take of devices that compute nothing, by message; null
  /// where they are made.
  HostCopies(const Links &links, const LocalDevices &devices,
             const std::vector<double> *seconds = nullptr);
  /// Ends when all copies are made.
  ~HostCopies();

  /// Starts a copy, whose counter advances when it is made. Called by the device's thread.
  void start(int64_t message, Counter &complete);
  /// Of a device, while it stands still.
  CopyRate rate(int64_t device) const;

private:
  struct Copy {
    int64_t message = -1;
    Counter *complete = nullptr;
  };
  /// A ring with room for all copies of a step, none of which starts again before it is
  /// made, and for the end.
  struct Worker {
    std::vector<Copy> ring;
    Counter posted;
    uint32_t next = 0; // to be posted
    CopyRate rate;
    std::thread thread;
  };

  /// A copy of no message is the last one.
  static void start(Worker &worker, Copy copy);
  void loop(Worker &worker);
  void make(int64_t message, Sleeper &sleeper);

  const Links &links;
  const LocalDevices &devices;
  const std::vector<double> *seconds;
  std::map<int64_t, Worker> workers; // by device
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRANSPORT_HOSTCOPIES_H
