//===- NCCLGroup.h - The ranks of a communicator that meet -----------------------===//
//
// Ranks are processes of this host. Each leaves a file in shared memory for every operation of
// a communicator: the call, as all ranks must make it, and what it gives. Operations run in the
// order in which they were started; one goes on when all ranks have come to it, and fails where
// they came with calls that do not match. The real NCCL compares nothing: it hangs, or computes
// something else.
//
// Hosts wait for each other, too, as with the real one: at the begin of a communicator, and where
// a kind of operation is used in it for the first time, which makes connections. That allocates,
// which may wait for whatever runs, which waits for other ranks: so nothing of other communicators
// may be under way.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TEST_DOUBLES_NCCLGROUP_H
#define BITPIPE_TEST_DOUBLES_NCCLGROUP_H

#include "lib/Runtime/CUDA/NCCLTypes.h"
#include "test/Doubles/Streams.h"

#include <set>

namespace doubles {

struct Call {
  enum Kind : int { Begin, Send, Receive, AllReduce, ReduceScatter, AllGather, Broadcast };

  Kind kind;
  size_t count; // of ranks, where it is a communicator's begin
  int type = -1, operation = -1;
  int root = -1; // of a broadcast; of a message the rank that sends it

  bool operator==(const Call &) const = default;
  std::string text() const;
  /// What the other rank of a message, or every other rank, must call.
  Call counterpart() const;
};

class Group {
public:
  Group(std::string name, int rank, int ranks) : rank(rank), ranks(ranks), name(std::move(name)) {}

  /// Waits for all hosts; says what is wrong.
  std::optional<std::string> begin();
  /// The same for the connections that a kind of calls needs.
  std::optional<std::string> connect(const Call &call);
  bool isConnected(const Call &call) const;
  void forgetConnections() { connected.clear(); }
  /// Waits for all ranks and leaves no files. Nobody's last part goes before all have read it.
  void end();

  /// Comes to the next operation, whose number it returns.
  uint64_t post(const Call &call, const char *data, size_t bytes);
  bool allHaveCome(uint64_t operation) const;
  /// What the ranks gave, where their calls fit to this rank's.
  std::optional<std::string> collect(uint64_t operation, const Call &mine,
                                     std::vector<std::string> &parts) const;

  /// Whether the host knows that what it asked for has ended.
  bool isAtRest(const Clock &host) const;

  const int rank, ranks;
  size_t asked = 0, ended = 0; // operations outside of captures
  std::pair<uint32_t, uint32_t> lastEnd; // lane and tick
  std::vector<std::shared_ptr<Captured>> captures = {}; // that hold some of its operations

private:
  std::string mark(const std::string &what, int rank) const;
  std::string fileOf(uint64_t operation, int rank) const {
    return mark(std::to_string(operation), rank);
  }
  std::optional<std::string> meetHosts(const std::string &where, const Call &call);
  std::string missingAt(const std::string &where) const;
  std::optional<std::string> compare(const std::string &where, const Call &mine, int other,
                                     const Call &theirs) const;
  void awaitMarks(const char *what) const;

  const std::string name;
  uint64_t started = 0; // operations
  std::set<std::pair<Call::Kind, int>> connected;
  std::vector<std::string> places; // where hosts have met
};

} // namespace doubles

#endif // BITPIPE_TEST_DOUBLES_NCCLGROUP_H
