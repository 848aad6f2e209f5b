//===- Cores.h - The cores of a process and of its devices ------------------===//

#ifndef BITPIPE_RUNTIME_LAUNCH_CORES_H
#define BITPIPE_RUNTIME_LAUNCH_CORES_H

#include "lib/Runtime/Launch/World.h"

#include <optional>

namespace bitpipe {

/// The cores that this process may use, by the number of one of their processors: a
/// processor that shares its core with others counts once.
std::vector<int> coresOfProcess();

/// Keeps the calling thread on a processor, if the system lets it.
void runOn(int processor);

/// What one process says to the others.
struct CoreClaim {
  std::string host;       // see hostIdentity
  std::vector<int> cores; // see coresOfProcess
  double quota;           // processors that the process's group gets at most
  bool narrowed;          // somebody has given the process a part of the machine
  int64_t devices;
};

CoreClaim claimCores(int64_t devices);

/// The threads of the devices of a process.
struct TeamPlan {
  uint32_t threads = 1;    // per device, the same in all processes
  int64_t hostThreads = 1; // of all devices on this host
  int64_t hostCores = 1;   // that their processes may use
  /// Of every member of every device here, by device; empty: wherever the system likes.
  std::vector<std::vector<int>> processors;

  bool crowded() const { return hostThreads > hostCores; }
};

/// What process `mine` of `all` does. Without a number that is `asked` for, a process
/// has its cores, of those that several may use its part, and divides them by its
/// devices; the least that comes out counts for all. Members are kept on cores of their
/// own where they fill the host: otherwise another run might come to the same ones.
TeamPlan planTeams(const std::vector<CoreClaim> &all, size_t mine,
                   std::optional<int64_t> asked);

/// The same, once all processes have told each other. Every rank calls it.
TeamPlan planTeams(World &world, int64_t devices, std::optional<int64_t> asked);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_LAUNCH_CORES_H
