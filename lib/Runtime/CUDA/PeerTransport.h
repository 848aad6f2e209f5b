//===- PeerTransport.h - Exchange between GPUs of one process --------------------===//
//
// Copies from memory to memory, and sums that read the memory of all members. Whoever
// starts an end of a message or sum records an event of its stream; who comes last
// puts the work into a stream of its own, after all these events, and its end is an event
// again. Nobody waits but streams.
//
// Where steps are timed, each end of a message is, on its own GPU: a copy runs in a stream of the
// sender, and one of the receiver does nothing but wait for it. Both begin when both ends have
// come.
//
// A member of a sum adds up one slice over all members, in their order, and gives it
// to all or keeps it, as threads of the host do (Transport/Collectives.h): the bits are the
// same. Of a gather it copies its slice to all others.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_PEERTRANSPORT_H
#define BITPIPE_RUNTIME_CUDA_PEERTRANSPORT_H

#include "lib/Runtime/CUDA/ExchangeTimer.h"
#include "lib/Runtime/CUDA/GPUHostCopies.h"
#include "lib/Runtime/Transport/Transport.h"

namespace bitpipe {

class PeerTransport final : public Transport {
public:
  /// `devices` are all those of the plan.
  PeerTransport(const Program &program, const Links &links,
                const std::vector<CUDADevice *> &devices);

  void startMessage(int64_t device, int64_t message) override;
  void startCollective(int64_t device) override;
  Event completion(int64_t device, const Wait &wait, uint32_t step) const override;
  void finishStep(uint32_t) const override {} // steps end with what they started
  std::vector<std::vector<TimedWork>> collectiveTimes(int64_t device) const override;
  CopyRate hostRate(int64_t device) const override { return devices[device]->copyRate(); }
  void contribute(int64_t device, uint32_t step) override;
  Event agreement(uint32_t step) const override;
  /// They stay in the memory of the devices.
  StepNumbers numbers(uint32_t) const override { return {}; }

private:
  struct Message {
    Message(const GPU &from, const GPU &to)
        : sent(from), received(to), complete(from), arrived(to) {}

    CUDAEvent sent, received, complete; // both sides have come to it; it is there
    CUDAEvent arrived;                  // where that is timed
    Counter started, enqueued;
  };
  struct Group {
    std::deque<CUDAEvent> ready, slices, complete; // by member
    Counter arrived, enqueued;
  };
  /// The streams besides the one that computes.
  struct Streams {
    std::map<int64_t, CUDAStream> messages; // by the device that is sent to
    std::map<int64_t, CUDAStream> arrivals; // by that which sends, where these are timed
    CUDAStream collectives;
    uint32_t startedCollectives = 0;

    explicit Streams(const GPU &gpu) : collectives(gpu, CUDAStream::Low) {}
  };

  void copy(int64_t number, Message &message);
  void timeArrival(int64_t number, Message &message);
  void enqueue(int64_t number, Group &group);
  void enqueueSlice(int64_t number, Group &group, size_t member);
  void sumSlice(const CollectiveLink &link, size_t member, const CUDAStream &stream);
  void giveSlice(const CollectiveLink &link, size_t member, const CUDAStream &stream);
  float *memoryOf(const CollectiveLink &link, size_t member) const;
  float *sliceOf(const CollectiveLink &link, size_t member) const;
  void agree();

  const Links &links;
  const std::vector<CUDADevice *> devices;
  std::deque<Message> messages; // by number; those to hosts are unused
  std::deque<GPUHostCopies> hostCopies; // by device
  std::deque<Group> groups; // of collectives
  std::deque<Streams> streams;       // by device
  std::deque<ExchangeTimer> timers;  // likewise
  std::deque<CUDAEvent> contributed; // by device
  CUDAEvent agreed;
  Counter contributions, agreements;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_PEERTRANSPORT_H
