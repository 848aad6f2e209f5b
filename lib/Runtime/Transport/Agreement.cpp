//===- Agreement.cpp - The numbers by which a step is judged ---------------===//

#include "lib/Runtime/Transport/Agreement.h"

#include <algorithm>

using namespace bitpipe;

Agreement::Agreement(const Program &program, const World &world, Share share)
    : program(program), world(world), share(share), received(world.size()) {
  for (const DeviceList &device : program.devices) {
    auto &microbatches = lossOf.emplace_back();
    for (const Slot &slot : device.slots)
      if (slot.source == SlotSource::Loss)
        microbatches.push_back(slot.microbatch);
  }
  for (Numbers &numbers : steps) {
    numbers.squares.resize(program.devices.size());
    numbers.badIndices.resize(program.devices.size());
    numbers.losses.resize(program.microbatches);
    if (program.loss == "counts")
      numbers.counts.resize(program.microbatches);
    numbers.mine.resize(beginOf(world.rank() + 1) - beginOf(world.rank()));
    numbers.all.resize(beginOf(world.size()));
  }
}

size_t Agreement::beginOf(int rank) const {
  size_t numbers = 0;
  for (int64_t d = 0; d < world.firstDevice(program.devices.size(), rank); ++d)
    numbers += sizeOf(d);
  return numbers;
}

void Agreement::contribute(int64_t device, uint32_t step, const Contribution &mine) {
  Numbers &numbers = steps[step % 2];
  numbers.squares[device] = mine.squares;
  numbers.badIndices[device] = mine.badIndex;
  for (size_t i = 0; i < mine.losses.size(); ++i) {
    int64_t microbatch = lossOf[device][i];
    numbers.losses[microbatch] = mine.losses[i].loss;
    if (!numbers.counts.empty())
      numbers.counts[microbatch] = mine.losses[i].count;
  }
  auto locals = uint32_t(share.count());
  if (contributed.advance() + 1 < locals * (step + 1))
    return;
  if (world.size() > 1)
    exchange(step);
  agreed.advance();
}

StepNumbers Agreement::numbers(uint32_t step) const {
  const Numbers &numbers = steps[step % 2];
  bool badIndex = std::ranges::any_of(numbers.badIndices,
                                      [](double met) { return met != 0; });
  return {numbers.squares, numbers.losses, numbers.counts, badIndex};
}

/// Two hops: the ranks' numbers to rank 0, all numbers to the ranks.
void Agreement::exchange(uint32_t step) {
  Numbers &numbers = steps[step % 2];
  Channels channels{int64_t(program.devices.size())};
  NetworkThread &network = *world.connection();
  sent.waitFor(sends); // of the step before; the step after uses other memory
  pack(numbers);
  auto bytes = [](size_t count) { return count * sizeof(double); };
  if (world.rank() != 0) {
    network.receive(0, channels.agreement(), numbers.all.data(),
                    bytes(numbers.all.size()), received[0]);
    network.send(0, channels.agreement(), numbers.mine.data(),
                 bytes(numbers.mine.size()), sent);
    ++sends;
    received[0].waitFor(step + 1);
    return unpack(numbers);
  }
  for (int rank = 1; rank < world.size(); ++rank)
    network.receive(rank, channels.agreement(), &numbers.all[beginOf(rank)],
                    bytes(beginOf(rank + 1) - beginOf(rank)), received[rank]);
  std::ranges::copy(numbers.mine, numbers.all.begin());
  for (int rank = 1; rank < world.size(); ++rank)
    received[rank].waitFor(step + 1);
  for (int rank = 1; rank < world.size(); ++rank, ++sends)
    network.send(rank, channels.agreement(), numbers.all.data(),
                 bytes(numbers.all.size()), sent);
  unpack(numbers);
}

void Agreement::pack(Numbers &numbers) const {
  size_t i = 0;
  for (int64_t d = share.first; d < share.end; ++d) {
    numbers.mine[i++] = numbers.squares[d];
    numbers.mine[i++] = numbers.badIndices[d];
    for (int64_t microbatch : lossOf[d]) {
      numbers.mine[i++] = numbers.losses[microbatch];
      numbers.mine[i++] = numbers.counts.empty() ? 0 : numbers.counts[microbatch];
    }
  }
}

void Agreement::unpack(Numbers &numbers) const {
  size_t i = 0;
  for (size_t d = 0; d < lossOf.size(); ++d) {
    numbers.squares[d] = numbers.all[i++];
    numbers.badIndices[d] = numbers.all[i++];
    for (int64_t microbatch : lossOf[d]) {
      numbers.losses[microbatch] = numbers.all[i++];
      double count = numbers.all[i++];
      if (!numbers.counts.empty())
        numbers.counts[microbatch] = count;
    }
  }
}
