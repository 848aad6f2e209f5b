//===- Agreement.h - The numbers by which a step is judged -----------------===//
//
// Before any device updates, all know every device's sum of squares and every
// micro-batch's loss. Within a process that is shared memory. Between processes
// rank 0 gathers and gives all to all, by the last device of each process that has
// its numbers.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRANSPORT_AGREEMENT_H
#define BITPIPE_RUNTIME_TRANSPORT_AGREEMENT_H

#include "lib/Runtime/Execute/LocalDevices.h"
#include "lib/Runtime/Transport/Channels.h"

#include <deque>

namespace bitpipe {

class Agreement {
public:
  Agreement(const Program &program, const World &world, Share share);

  /// See Transport::contribute.
  void contribute(int64_t device, uint32_t step, const Contribution &mine);
  /// Counts the steps whose numbers are there.
  const Counter &complete() const { return agreed; }
  StepNumbers numbers(uint32_t step) const;

private:
  /// Of two steps, since one may be a step ahead.
  struct Numbers {
    std::vector<double> squares, badIndices, losses, counts;
    std::vector<double> mine, all; // what travels: by rank, device, slot
  };

  void exchange(uint32_t step);
  void pack(Numbers &numbers) const;
  void unpack(Numbers &numbers) const;
  /// Numbers of a device: its squares, whether it has met a bad index, then two for
  /// each of its loss slots.
  size_t sizeOf(int64_t device) const { return 2 + 2 * lossOf[device].size(); }
  /// Where the numbers of a rank begin among those of all.
  size_t beginOf(int rank) const;

  const Program &program;
  const World &world;
  Share share;
  std::vector<std::vector<int64_t>> lossOf; // micro-batches of loss slots, by device
  Numbers steps[2];
  Counter contributed, agreed;
  std::deque<Counter> received; // by rank
  Counter sent;
  uint32_t sends = 0;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRANSPORT_AGREEMENT_H
