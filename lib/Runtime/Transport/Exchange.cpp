//===- Exchange.cpp - Messages and sums between threads -------------------===//

#include "lib/Runtime/Transport/Exchange.h"

#include "lib/Runtime/CPU/Optimizer.h"
#include "lib/Runtime/Delay.h"
#include "lib/Runtime/Error.h"

#include <algorithm>
#include <cstring>
#include <sys/resource.h>
#include <unistd.h>

using namespace bitpipe;

Exchange::Exchange(const Links &links,
                   std::vector<std::unique_ptr<DeviceMemory>> &memories)
    : links(links), memories(memories), messageStates(links.messages.size()),
      sumStates(links.reductions.size()), sums(links.devices.size()) {
  for (size_t i = 0; i < links.reductions.size(); ++i) {
    const ReductionLink &link = links.reductions[i];
    for (size_t m = 0; m < link.devices.size(); ++m)
      sumStates[i].sources.push_back(
          memories[link.devices[m]]->floats(link.slots[m]));
  }
  for (size_t d = 0; d < sums.size(); ++d)
    if (!links.devices[d].reductions.empty())
      startThread(d);
}

void Exchange::startThread(int64_t device) {
  try {
    sums[device].thread = std::jthread(
        [this, device](std::stop_token stop) { sumLoop(device, stop); });
  } catch (const std::system_error &error) {
    stop(); // a constructor that throws runs no destructor
    failThread(device, sums.size(), error);
  }
}

Exchange::~Exchange() { stop(); }

void Exchange::stop() {
  for (DeviceSums &device : sums) {
    device.thread.request_stop();
    device.started.advance();
  }
}

void Exchange::startMessage(int64_t index) {
  Message &state = messageStates[index];
  bool first = state.started.advance() % 2 == 0;
  delayAtRandom();
  if (first)
    return;
  const MessageLink &link = links.messages[index];
  char *&source = memories[link.from]->address(link.fromSlot);
  char *&target = memories[link.to]->address(link.toSlot);
  if (link.swap)
    std::swap(source, target);
  else
    std::memcpy(target, source, link.bytes);
  state.complete.advance();
}

/// Adds up the slice that a member answers for.
static void sumSlice(const ReductionLink &link, float *const *sources,
                     int64_t device) {
  constexpr int64_t line = 16; // f32 in a cache line
  auto members = int64_t(link.devices.size());
  int64_t rank = std::ranges::find(link.devices, device) - link.devices.begin();
  int64_t slice = (link.elements / members + line) / line * line;
  int64_t begin = std::min(rank * slice, link.elements);
  sumInto(sources, members, begin, std::min(begin + slice, link.elements));
}

void Exchange::sumLoop(int64_t device, std::stop_token stop) {
  // Sums fill the gaps that computing leaves; whoever waits for one sleeps.
  setpriority(PRIO_PROCESS, gettid(), 10);
  const auto &order = links.devices[device].reductions;
  for (uint32_t next = 0;; ++next) {
    sums[device].started.waitFor(next + 1);
    if (stop.stop_requested())
      return;
    int64_t index = order[next % order.size()];
    uint32_t step = next / order.size();
    const ReductionLink &link = links.reductions[index];
    auto members = uint32_t(link.devices.size());
    Sum &state = sumStates[index];
    delayAtRandom();
    state.arrived.advance();
    state.arrived.waitFor(members * (step + 1));
    sumSlice(link, state.sources.data(), device);
    delayAtRandom();
    if (state.slices.advance() + 1 == members * (step + 1))
      state.complete.advance();
  }
}
