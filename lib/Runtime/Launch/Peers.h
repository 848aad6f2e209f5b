//===- Peers.h - The other processes on this host ---------------------------===//
//
// A network tells late, or never, that a process has ended. Of those on this host
// the kernel tells at once.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_LAUNCH_PEERS_H
#define BITPIPE_RUNTIME_LAUNCH_PEERS_H

#include "lib/Runtime/Launch/World.h"

#include <chrono>
#include <optional>
#include <sys/types.h>

namespace bitpipe {

/// Where a rank runs.
struct Process {
  std::string host; // hostIdentity()
  pid_t number;
};

/// Of all ranks; every rank calls it in the same order as the world's other calls.
std::vector<Process> gatherProcesses(World &world);

/// How many ranks before this one are on its host; every rank calls it, likewise.
int64_t ranksBeforeOnHost(World &world);

class Peers {
public:
  /// Watches those of `processes`, by rank, that are on the host of rank `self`.
  /// Where the kernel has no means to (Linux before 5.3), none.
  Peers(const std::vector<Process> &processes, int self);
  ~Peers();
  Peers(const Peers &) = delete;

  /// How many others are watched.
  size_t count() const { return watched.size(); }

  /// Waits until a process has ended and returns its rank, each rank once. Nothing
  /// if none has within `timeout` or wake was called.
  std::optional<int> waitForEnd(std::chrono::milliseconds timeout);

  /// Ends the wait; any thread may call.
  void wake();

private:
  struct Watched {
    int rank;
    int descriptor; // readable once the process has ended
  };

  void watch(int rank, pid_t process);

  std::vector<Watched> watched;
  std::vector<int> ended; // before they could be watched
  int event;              // readable once wake was called
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_LAUNCH_PEERS_H
