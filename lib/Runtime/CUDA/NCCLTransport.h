//===- NCCLTransport.h - Exchange between GPUs of several processes ---------------===//
//
// Inside one communicator of NCCL everything runs in order, and a send may block until its
// receive. So every directed pair of devices that exchanges messages has a communicator of
// its own, as the replay of the plan assumes, and every group that sums, and one has all.
// They are made, and each used once, before step 1, in one order on all ranks.
//
// A block of NCCL's waits for its partners on the GPU. A plan's messages come in no order
// that all ranks share, so whatever waits must not keep anything else from starting: every
// communicator has few blocks, and all of them have a multiprocessor of their own.
//
// Gradients are added up in NCCL's order, which depends on the group and not on chance, but
// may be another where each device gets a slice of the sum.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_NCCLTRANSPORT_H
#define BITPIPE_RUNTIME_CUDA_NCCLTRANSPORT_H

#include "lib/Runtime/CUDA/ExchangeTimer.h"
#include "lib/Runtime/CUDA/GPUHostCopies.h"
#include "lib/Runtime/Transport/Transport.h"

#include <set>

namespace bitpipe {

class NCCLTransport final : public Transport {
public:
  /// Who belongs to a communicator, in the order of its ranks.
  using Members = std::vector<int64_t>;
  struct Group {
    explicit Group(const GPU &gpu, CUDAStream::Priority priority) : stream(gpu, priority) {}

    nccl::Communicator communicator = nullptr;
    CUDAStream stream;
  };
  /// The most blocks that wait at once for a pair, for a group that sums, and for all.
  static constexpr int pairBlocks = 4, sumBlocks = 8, numbersBlocks = 1;

  /// `device` is the only one of this process, and has that number.
  /// `graph` is what its operations may be part of, or null. `walked` is whether the list of the
  /// device is, so that messages and sums are started here.
  NCCLTransport(const Links &links, World &world, CUDADevice &device, int64_t number,
                StepGraph *graph, bool walked);
  ~NCCLTransport() override;

  void startMessage(int64_t device, int64_t message) override;
  void startCollective(int64_t device) override;
  Event completion(int64_t device, const Wait &wait, uint32_t step) const override;
  void finishStep(uint32_t) const override {} // steps end with what they started
  std::vector<std::vector<TimedWork>> collectiveTimes(int64_t device) const override;
  std::optional<uint32_t> stepsPassed(int64_t device, const Wait &wait) const override;
  std::optional<uint32_t> stepsAgreed(int64_t device) const override;
  CopyRate hostRate(int64_t) const override { return device.copyRate(); }
  void contribute(int64_t device, uint32_t step) override;
  Event agreement(uint32_t step) const override;
  /// They stay in the memory of the devices.
  StepNumbers numbers(uint32_t) const override { return {}; }

  // For printed programs: groups that this device belongs to.
  const Group &pair(const Members &members) const { return pairs.at(members); }
  const Group &sumGroup(const Members &members) const { return sumGroups.at(members); }
  const Group &everyone() const { return *all; }

private:
  /// Of a message or sum: when it may begin here, has ended here, and its mark is left.
  struct Work {
    explicit Work(const GPU &gpu) : ready(gpu), complete(gpu), marked(gpu) {}

    CUDAEvent ready, complete, marked;
    Counter enqueued;
  };

  struct Groups {
    std::set<Members> pairs, sums;
    Members all;
  };

  static Groups groupsOf(const Links &links);
  void makeGroups(World &world);
  bool isMember(const Members &members) const;
  void checkBlocks(const Groups &groups) const;
  void join(Group &group, const Members &members, const nccl::UniqueId &id, int blocks) const;
  void warmUpPair(const Group &group, const Members &members) const;
  void warmUpGroup(const Group &group) const;
  void collect(const CollectiveLink &link, const Group &group) const;
  void broadcastSlices(const CollectiveLink &link, const Group &group, const float *mine, float *all) const;
  /// Puts work into the stream of a group, after what this device has come to. Nobody waits for
  /// its mark but the end of the step, unless it comes after that: then the mark is left first.
  enum Marked { Behind, First };
  template <typename Start>
  void start(Work &work, size_t mark, Marked marked, Group &group, Start start);
  size_t markOf(const Wait &wait) const {
    return size_t(wait.index) + (wait.kind == Wait::Collective ? messages.size() : 0);
  }
  size_t markOfNumbers() const { return messages.size() + collectives.size(); }

  const Links &links;
  CUDADevice &device;
  const int64_t number;
  StepGraph *const graph;
  std::map<Members, Group> pairs, sumGroups; // that this device belongs to
  std::unique_ptr<Group> all;
  // By number; those of other devices, and messages to hosts, are unused.
  std::deque<Work> messages, collectives;
  GPUHostCopies hostCopies;
  ExchangeTimer timer;
  Work agreed;
  uint32_t startedCollectives = 0;
  std::optional<Marks> marks; // of messages, collectives and the numbers; none if printed
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_NCCLTRANSPORT_H
