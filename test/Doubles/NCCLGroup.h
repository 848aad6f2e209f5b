//===- NCCLGroup.h - The ranks of a communicator that meet -----------------------===//
//
// Ranks are processes of this host. Each leaves a file in shared memory for every operation of
// a communicator: the call, as all ranks must make it, and what it gives. Operations run in the
// order in which they were started, the first being the communicator's begin; one goes on when
// all ranks have come to it, and fails where they came with calls that do not fit. The real
// NCCL compares nothing: it hangs, or computes something else.
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
  size_t count; // of the ranks, where it is the communicator's begin
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

  /// Waits for all ranks, as ncclCommInitRank does; says what is wrong.
  std::optional<std::string> begin();
  /// Waits for all ranks and leaves no files. Nobody's last part goes before all have read it.
  void end();

  /// Whether connections for such a call, whatever its root, were made, or are made now, which
  /// they cannot be in a capture.
  bool connects(const Call &call, bool isCaptured);

  /// Comes to the next operation, whose number it returns.
  uint64_t post(const Call &call, const char *data, size_t bytes);
  bool allHaveCome(uint64_t operation) const;
  /// What the ranks gave, where their calls fit to this rank's.
  std::optional<std::string> collect(uint64_t operation, const Call &mine,
                                     std::vector<std::string> &parts) const;

  const int rank, ranks;
  std::vector<std::shared_ptr<Captured>> captures = {}; // that hold some of its operations

private:
  std::string fileOf(uint64_t operation, int rank) const;
  std::string mark(const char *what, int rank) const;
  void awaitMarks(const char *what) const;

  const std::string name;
  uint64_t started = 0; // operations
  std::set<std::pair<Call::Kind, int>> connected;
};

} // namespace doubles

#endif // BITPIPE_TEST_DOUBLES_NCCLGROUP_H
