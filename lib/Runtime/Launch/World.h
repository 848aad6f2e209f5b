//===- World.h - The processes of a run ------------------------------------===//
//
// One process by default; under a launcher (mpirun, srun, torchrun) as many as it
// started. Every process runs a contiguous share of the plan's devices.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_LAUNCH_WORLD_H
#define BITPIPE_RUNTIME_LAUNCH_WORLD_H

#include "lib/Runtime/Transport/NetworkThread.h"

#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

namespace bitpipe {

class World {
public:
  /// A single process.
  World() = default;
  /// Those that the network connects.
  explicit World(std::unique_ptr<NetworkThread> network);

  int rank() const { return network ? network->rank() : 0; }
  int size() const { return network ? network->size() : 1; }
  bool speaks() const { return rank() == 0; }

  /// The first device of a rank, of `devices` in all: those of a rank end where
  /// those of the next begin.
  int64_t firstDevice(int64_t devices, int rank) const {
    return devices * rank / size();
  }
  int rankOf(int64_t device, int64_t devices) const;

  /// The network, or null in a single process.
  NetworkThread *connection() const { return network.get(); }

  // What follows blocks, and every rank calls it in the same order from its main
  // thread.

  /// Every rank's bytes at rank 0, by rank; empty elsewhere.
  std::vector<std::string> gather(const std::string &mine);
  /// Rank 0's bytes everywhere.
  std::string broadcast(const std::string &mine);
  std::vector<std::string> allGather(const std::string &mine);
  void barrier() { allGather(""); }

  /// Every rank's value, by rank, into a list that keeps its memory.
  template <typename Value>
  void allGatherValues(const Value &mine, std::vector<Value> &values) {
    static_assert(std::is_trivially_copyable_v<Value>);
    values.assign(size(), mine);
    if (size() == 1)
      return;
    std::vector<std::string> all =
        allGather({reinterpret_cast<const char *>(&mine), sizeof(mine)});
    for (size_t rank = 0; rank < all.size(); ++rank)
      std::memcpy(&values[rank], all[rank].data(), sizeof(Value));
  }

private:
  std::unique_ptr<NetworkThread> network;
};

/// Channels below this number are the devices' own (Transport.h); the world and
/// the watch use those from here on.
constexpr uint32_t firstControlChannel = 0x7f000000;

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_LAUNCH_WORLD_H
