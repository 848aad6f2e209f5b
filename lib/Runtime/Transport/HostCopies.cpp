//===- HostCopies.cpp - Between devices and what their hosts keep ----------===//

#include "lib/Runtime/Transport/HostCopies.h"

#include "lib/Runtime/Delay.h"
#include "lib/Runtime/Error.h"

#include <cstring>

using namespace bitpipe;

HostCopies::HostCopies(const Links &links, const LocalDevices &devices,
                       const std::vector<double> *seconds)
    : links(links), devices(devices), seconds(seconds) {
  for (const MessageLink &link : links.messages) {
    if (!link.isToHost() || !devices.holds(link.from))
      continue;
    Worker &worker = workers[link.from];
    worker.ring.resize(worker.ring.size() + 1);
  }
  for (auto &[device, worker] : workers)
    try {
      worker.ring.emplace_back(); // for the end
      worker.thread = std::thread([this, &own = worker] { loop(own); });
    } catch (const std::system_error &error) {
      failThread(joined("copies of device ", device, " to the host"), error);
    }
}

HostCopies::~HostCopies() {
  for (auto &[device, worker] : workers)
    if (worker.thread.joinable()) {
      start(worker, {});
      worker.thread.join();
    }
}

void HostCopies::start(Worker &worker, Copy copy) {
  worker.ring[worker.next++ % worker.ring.size()] = copy;
  worker.posted.advance();
}

void HostCopies::start(int64_t message, Counter &complete) {
  start(workers.at(links.messages[message].from), {message, &complete});
}

void HostCopies::loop(Worker &worker) {
  Sleeper sleeper;
  if (seconds)
    Sleeper::prepareThread();
  for (uint32_t done = 0;; ++done) {
    worker.posted.waitFor(done + 1);
    auto [message, complete] = worker.ring[done % worker.ring.size()];
    if (!complete)
      return;
    delayAtRandom();
    Nanoseconds begin = now();
    make(message, sleeper);
    if (complete->get() > 0) {
      worker.rate.bytes += links.messages[message].bytes;
      worker.rate.time += now() - begin;
    }
    complete->advance();
  }
}

void HostCopies::make(int64_t message, Sleeper &sleeper) {
  if (seconds)
    return sleeper.until(now() + Nanoseconds((*seconds)[message] * 1e9));
  const MessageLink &link = links.messages[message];
  SlotAddresses &memory = devices[link.from].memory();
  std::memcpy(memory.address(link.toSlot), memory.address(link.fromSlot), link.bytes);
}

CopyRate HostCopies::rate(int64_t device) const {
  auto found = workers.find(device);
  return found == workers.end() ? CopyRate() : found->second.rate;
}
