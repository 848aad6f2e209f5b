//===- Collectives.h - Gradient sums over replicas, gathers of slices ------===//
//
// Collectives run on threads of their own, as many per device as that computes with, of
// low priority. In a sum each member answers for some elements: it adds those up over all
// members of an exchange (see Exchanges.h) in the order of their list, whichever process they
// are in. So the bits are the same for any number of processes. In an all-reduce it gives the
// result to all, in a reduce-scatter it keeps it, and an all-gather is the giving alone. What
// members in other processes add travels in pieces, through two buffers per member and device;
// results travel to where they belong.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRANSPORT_COLLECTIVES_H
#define BITPIPE_RUNTIME_TRANSPORT_COLLECTIVES_H

#include "lib/Runtime/CPU/Team.h"
#include "lib/Runtime/Emulated/Sleeper.h"
#include "lib/Runtime/Execute/LocalDevices.h"
#include "lib/Runtime/Plan/Exchanges.h"
#include "lib/Runtime/Transport/Channels.h"

#include <deque>
#include <thread>

namespace bitpipe {

class Collectives {
public:
  /// Where devices do not compute, `given` is how long each collective takes, in seconds:
  /// what travels is of the real size, and nothing is added up or copied. Null otherwise.
  /// `threads` of each device add up and copy.
  Collectives(const Links &links, const World &world, const LocalDevices &devices,
              const std::vector<double> *given, uint32_t threads);
  ~Collectives();

  /// Starts a device's next collective.
  void start(int64_t device) {
    memberOf(device).started.advance();
  }
  /// See Transport.
  std::vector<std::vector<TimedWork>> times(int64_t device) const;
  /// Counts the steps in which a collective was complete here.
  const Counter &complete(int64_t number) const { return states[number].complete; }
  /// Waits until all of this process are complete in a step that devices have ended.
  void finishStep(uint32_t step) const;

  /// Bytes of a piece, and of one of the buffers.
  static constexpr int64_t pieceBytes = 1 << 20;

private:
  static constexpr size_t keptSteps = 64;

  struct State {
    std::vector<Phase> phases; // with the exchanges that devices of this process are in
    Counter arrived, parts, complete; // of the members in this process; they arrive at each phase
    uint32_t local = 0;               // how many those are
  };
  /// What a device does in an exchange.
  struct Part {
    const CollectiveLink &link;
    const Exchange &exchange;
    int64_t device;
    const std::vector<Range> &pieces; // those that it answers for
    float *all;                       // where it has the elements that all slices make up
    float *own;                       // and those that it answers for, which may be the slice
    int64_t ownBegin;                 // that it keeps: the first of them

    float *ownPlace(int64_t element) const { return own + (element - ownBegin); }
  };
  /// Pieces under way, as their number and how many of them are complete.
  struct Pieces {
    Counter complete;
    uint32_t started = 0;

    void wait() const { complete.waitFor(started); }
  };
  /// A device's part in all of its collectives.
  struct Member {
    Counter started;
    Pieces contributions, results, received;
    Pieces round[2]; // what others add to a piece, by buffer
    std::vector<float> buffers;   // two per member in another process
    std::vector<float *> sources; // of a piece, by member of the sum
    std::vector<float *> targets; // of a piece, in this process
    std::vector<TimedWork> times; // of its parts, those of the last steps
    uint32_t done = 0;            // parts
    // Of a device that does not compute:
    std::vector<float> unread; // where all results go
    Nanoseconds together = 0;  // when all members were known to be there
    Sleeper sleeper;
    std::unique_ptr<Team> team; // whose member 0 is the thread
    std::jthread thread;
  };
  void prepare(const CollectiveLink &link, State &state);
  void reserve(Member &member, const Exchange &exchange);
  void startThread(int64_t device);
  void enter() const;
  void stop();
  void loop(int64_t device, std::stop_token stop);
  /// Waits until all members in this process begin a phase.
  void meet(State &state, uint32_t step, size_t phase);
  void performTimed(int64_t device, int64_t number, uint32_t step);
  Part partOf(int64_t device, const CollectiveLink &link, const Exchange &exchange, size_t index) const;
  void perform(const Part &part);
  void allReduce(const Part &part);
  void reduceScatter(const Part &part);
  void allGather(const Part &part);
  void sendContributions(const Part &part);
  void receiveResults(const Part &part, Pieces &firsts);
  void copyToLocals(const Part &part);
  void sumPieces(const Part &part);
  void receivePiece(const Part &part, Range piece, int round);
  void addUp(const Part &part, Range piece, int round);
  /// Calls visit(device, its index in the exchange) for devices of other processes.
  template <typename Visit> void forOthers(const Exchange &exchange, Visit visit) const;
  /// Calls work(begin, end) for parts of the elements of a piece, in several threads.
  template <typename Work> void shareElements(Member &member, int64_t count, Work work);
  /// Where a device has the elements that all slices make up.
  float *memoryOf(int64_t device, const CollectiveLink &link) const;
  void send(int64_t from, int64_t to, const float *data, int64_t count,
            Pieces &pieces);
  void receive(int64_t from, int64_t to, float *data, int64_t count,
               Pieces &pieces);
  Member &memberOf(int64_t device) {
    return members[device - devices.share().first];
  }
  const Member &memberOf(int64_t device) const {
    return members[device - devices.share().first];
  }

  const Links &links;
  const World &world;
  const LocalDevices &devices;
  const std::vector<double> *given;
  const uint32_t threads;
  Channels channels;
  std::deque<State> states;
  std::deque<Member> members; // by device of this process
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRANSPORT_COLLECTIVES_H
