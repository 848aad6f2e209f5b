//===- PeerTransport.h - Exchange between GPUs of one process --------------------===//
//
// Copies from memory to memory, and sums that read the memory of all members. Whoever
// starts an end of a message or sum records an event of its stream; who comes last
// puts the work into a stream of its own, after all these events, and its end is an event
// again. Nobody waits but streams.
//
// A member of a sum adds up one slice over all members, in their order, and gives it
// to all, as threads of the host do (Transport/Sums.h): the bits are the same.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_PEERTRANSPORT_H
#define BITPIPE_RUNTIME_CUDA_PEERTRANSPORT_H

#include "lib/Runtime/CUDA/CUDADevice.h"
#include "lib/Runtime/Transport/Transport.h"

namespace bitpipe {

class PeerTransport final : public Transport {
public:
  /// `devices` are all those of the plan.
  PeerTransport(const Program &program, const Links &links,
                const std::vector<CUDADevice *> &devices);

  void startMessage(int64_t device, int64_t message) override;
  void startSum(int64_t device) override;
  Event completion(int64_t device, const Wait &wait, uint32_t step) const override;
  std::vector<std::vector<TimedWork>> sumTimes(int64_t device) const override;
  void contribute(int64_t device, uint32_t step) override;
  Event agreement(uint32_t step) const override;
  /// They stay in the memory of the devices.
  StepNumbers numbers(uint32_t) const override { return {}; }

private:
  struct Message {
    Message(const GPU &from, const GPU &to) : sent(from), received(to), complete(from) {}

    CUDAEvent sent, received, complete; // both sides have come to it; it is there
    Counter started, enqueued;
  };
  struct Sum {
    std::deque<CUDAEvent> ready, slices, complete; // by member
    Counter arrived, enqueued;
  };
  /// The streams besides the one that computes.
  struct Streams {
    std::map<int64_t, CUDAStream> messages; // by the device that is sent to
    CUDAStream sums;
    uint32_t startedSums = 0;

    explicit Streams(const GPU &gpu) : sums(gpu, CUDAStream::Low) {}
  };

  void copy(const MessageLink &link, Message &message);
  void sum(const ReductionLink &link, Sum &sum);
  void sumSlice(const ReductionLink &link, Sum &sum, size_t member);
  void agree();

  const Links &links;
  const std::vector<CUDADevice *> devices;
  std::deque<Message> messages;
  std::deque<Sum> sums;
  std::deque<Streams> streams;       // by device
  std::deque<CUDAEvent> contributed; // by device
  CUDAEvent agreed;
  Counter contributions, agreements;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_PEERTRANSPORT_H
