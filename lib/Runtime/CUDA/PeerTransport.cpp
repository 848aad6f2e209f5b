//===- PeerTransport.cpp - Exchange between GPUs of one process ------------------===//

#include "lib/Runtime/CUDA/PeerTransport.h"

#include "lib/Runtime/Error.h"

#include <algorithm>

using namespace bitpipe;
using cuda::check;
using cuda::driver;

static void checkMembers(const Program &program, const Links &links) {
  for (const ReductionLink &link : links.reductions)
    if (int64_t(link.devices.size()) > gpu::mostMembers)
      fail(program.path, ": error: a sum has ", link.devices.size(),
           " members, expected at most ", gpu::mostMembers, " in one process");
}

PeerTransport::PeerTransport(const Program &program, const Links &links,
                             const std::vector<CUDADevice *> &devices)
    : links(links), devices(devices), agreed(devices.front()->gpu()) {
  checkMembers(program, links);
  std::vector<cuda::Pointer> numbers;
  for (CUDADevice *device : devices) {
    streams.emplace_back(device->gpu());
    contributed.emplace_back(device->gpu());
    numbers.push_back(device->numbers());
    for (CUDADevice *other : devices)
      device->gpu().reach(other->gpu());
  }
  for (CUDADevice *device : devices)
    device->setTargets(numbers);
  for (const ReductionLink &link : links.reductions) {
    Sum &sum = sums.emplace_back();
    for (int64_t member : link.devices)
      for (auto *events : {&sum.ready, &sum.slices, &sum.complete})
        events->emplace_back(devices[member]->gpu());
  }
  for (const MessageLink &link : links.messages) {
    const GPU &from = devices[link.from]->gpu();
    messages.emplace_back(from, devices[link.to]->gpu());
    streams[link.from].messages.try_emplace(link.to, from, CUDAStream::High);
  }
}

void PeerTransport::startMessage(int64_t device, int64_t number) {
  const MessageLink &link = links.messages[number];
  Message &message = messages[number];
  bool sends = device == link.from;
  (sends ? message.sent : message.received).record(devices[device]->stream());
  if (message.started.advance() % 2 == 0)
    return; // the other side comes second
  copy(link, message);
  message.enqueued.advance();
  devices[device]->gpu().use();
}

void PeerTransport::copy(const MessageLink &link, Message &message) {
  CUDADevice &from = *devices[link.from], &to = *devices[link.to];
  const CUDAStream &stream = streams[link.from].messages.at(link.to);
  from.gpu().use();
  stream.await(message.sent);
  stream.await(message.received);
  auto addressOf = [](CUDADevice &device, int64_t slot) {
    return reinterpret_cast<cuda::Pointer>(device.memory().address(slot));
  };
  check(driver().copy(addressOf(to, link.toSlot), addressOf(from, link.fromSlot),
                      size_t(link.bytes), stream),
        "copy a message");
  message.complete.record(stream);
}

void PeerTransport::startSum(int64_t device) {
  const std::vector<int64_t> &order = links.devices[device].reductions;
  int64_t number = order[streams[device].startedSums++ % order.size()];
  const ReductionLink &link = links.reductions[number];
  Sum &one = sums[number];
  size_t member = std::ranges::find(link.devices, device) - link.devices.begin();
  one.ready[member].record(devices[device]->stream());
  if ((one.arrived.advance() + 1) % link.devices.size() != 0)
    return;
  sum(link, one);
  one.enqueued.advance();
  devices[device]->gpu().use();
}

void PeerTransport::sum(const ReductionLink &link, Sum &one) {
  for (size_t member = 0; member < link.devices.size(); ++member)
    sumSlice(link, one, member);
  for (size_t member = 0; member < link.devices.size(); ++member) {
    const CUDAStream &stream = streams[link.devices[member]].sums;
    devices[link.devices[member]]->gpu().use();
    for (const CUDAEvent &slice : one.slices)
      stream.await(slice);
    one.complete[member].record(stream);
  }
}

void PeerTransport::sumSlice(const ReductionLink &link, Sum &one, size_t member) {
  constexpr int64_t unit = 64; // elements: slices begin at lines of memory
  CUDADevice &device = *devices[link.devices[member]];
  const CUDAStream &stream = streams[link.devices[member]].sums;
  device.gpu().use();
  for (const CUDAEvent &ready : one.ready)
    stream.await(ready);
  auto members = int64_t(link.devices.size());
  int64_t units = (link.elements + unit - 1) / unit;
  auto place = [&](int64_t i) { return std::min(units * i / members * unit, link.elements); };
  gpu::Sum arguments{{}, members, place(int64_t(member)), place(int64_t(member) + 1)};
  for (size_t i = 0; i < link.devices.size(); ++i)
    arguments.members[i] = devices[link.devices[i]]->memory().floats(link.slots[i]);
  const OwnKernels &kernels = device.kernels();
  kernels.launch(kernels.sum, (arguments.end - arguments.begin + 3) / 4, stream, arguments);
  one.slices[member].record(stream);
}

/// A step ends after all that it has started, so that its events tell the next one
/// nothing.
Event PeerTransport::completion(int64_t device, const Wait &wait, uint32_t step) const {
  const Counter &enqueued = wait.kind == Wait::Message ? messages[wait.index].enqueued
                                                       : sums[wait.index].enqueued;
  if (wait.previousStep)
    return {&enqueued, 0, nullptr};
  if (wait.kind == Wait::Message)
    return {&enqueued, step + 1, cuda::EventHandle(messages[wait.index].complete)};
  const std::vector<int64_t> &members = links.reductions[wait.index].devices;
  size_t member = std::ranges::find(members, device) - members.begin();
  return {&enqueued, step + 1, cuda::EventHandle(sums[wait.index].complete[member])};
}

std::vector<std::vector<TimedWork>> PeerTransport::sumTimes(int64_t device) const {
  return std::vector<std::vector<TimedWork>>(links.devices[device].reductions.size());
}

void PeerTransport::contribute(int64_t device, uint32_t) {
  contributed[device].record(devices[device]->stream());
  if ((contributions.advance() + 1) % devices.size() != 0)
    return;
  agree();
  agreements.advance();
  devices[device]->gpu().use();
}

/// All numbers are there, and all messages and sums: no device decides before, so none
/// begins its next step before the others have what it sent.
void PeerTransport::agree() {
  const CUDAStream &stream = streams.front().sums;
  devices.front()->gpu().use();
  for (const CUDAEvent &event : contributed)
    stream.await(event);
  for (const Message &message : messages)
    stream.await(message.complete);
  for (const Sum &sum : sums)
    for (const CUDAEvent &event : sum.complete)
      stream.await(event);
  agreed.record(stream);
}

Event PeerTransport::agreement(uint32_t step) const {
  return {&agreements, step + 1, cuda::EventHandle(agreed)};
}
