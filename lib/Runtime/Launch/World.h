//===- World.h - The processes of a run ------------------------------------===//
//
// One process by default; under a launcher (mpirun, srun, torchrun) as many as it
// started. Every process runs a contiguous share of the plan's devices.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_LAUNCH_WORLD_H
#define BITPIPE_RUNTIME_LAUNCH_WORLD_H

#include "lib/Runtime/Launch/MainThread.h"
#include "lib/Runtime/Transport/NetworkThread.h"

#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

namespace bitpipe {

/// The world's own channels, two for each thread that talks to other ranks; the
/// watch takes those behind them.
enum class ThreadChannels : uint32_t {
  Main = firstControlChannel,
  Checkpoints = Main + 2,
  End = Checkpoints + 2
};
constexpr auto firstFreeControlChannel = uint32_t(ThreadChannels::End);

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
  int rankOf(int64_t device, int64_t devices) const {
    return int(((device + 1) * size() - 1) / devices);
  }

  /// What the main thread and its helper are doing, for the watch.
  MainThread &mainThread() { return *main; }
  /// The same ranks, for another thread of each process, which exchanges what it
  /// wants on channels of its own.
  World forThread(ThreadChannels channels) const;

  /// The network, or null in a single process.
  NetworkThread *connection() const { return network.get(); }

  // What follows blocks, and every rank calls it in the same order from one
  // thread. If the network fails meanwhile, it blocks for good: whoever hears of
  // that (NetworkThread.h) ends the process.

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

  /// The good end: everything posted is complete and all ranks have come here. A
  /// world that is destroyed without it leaves the others alone, who then fail.
  void finish();

private:
  struct Parcel;
  std::vector<Parcel> parcels(uint32_t channel) const;
  void send(std::vector<Parcel> &parcels, const std::string &text);
  void receive(std::vector<Parcel> &parcels);
  /// Until all messages that were started are complete.
  void wait() const {
    status().beginWait();
    ended->waitFor(started);
    status().endWait();
  }
  /// Of the thread that this is for.
  ThreadStatus &status() const {
    return channels == ThreadChannels::Main ? *main : main->writer();
  }

  std::shared_ptr<MainThread> main = std::make_shared<MainThread>();
  std::shared_ptr<NetworkThread> network;
  ThreadChannels channels = ThreadChannels::Main;
  std::unique_ptr<Counter> ended; // messages
  uint32_t started = 0;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_LAUNCH_WORLD_H
