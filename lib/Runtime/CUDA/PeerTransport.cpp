//===- PeerTransport.cpp - Exchange between GPUs of one process ------------------===//

#include "lib/Runtime/CUDA/PeerTransport.h"

#include "lib/Runtime/Error.h"

#include <algorithm>

using namespace bitpipe;
using cuda::check;
using cuda::driver;

static void checkMembers(const Program &program, const Links &links) {
  for (const CollectiveLink &link : links.collectives)
    if (int64_t(link.devices.size()) > gpu::mostMembers)
      fail(program.path, ": error: a sum or gather has ", link.devices.size(),
           " members, expected at most ", gpu::mostMembers, " in one process");
}

PeerTransport::PeerTransport(const Program &program, const Links &links,
                             const std::vector<CUDADevice *> &devices)
    : links(links), devices(devices), agreed(devices.front()->gpu()) {
  checkMembers(program, links);
  std::vector<cuda::Pointer> numbers;
  for (CUDADevice *device : devices) {
    hostCopies.emplace_back(links, *device, int64_t(hostCopies.size()));
    timers.emplace_back(links, *device, int64_t(timers.size()));
    streams.emplace_back(device->gpu());
    contributed.emplace_back(device->gpu());
    numbers.push_back(device->numbers());
    for (CUDADevice *other : devices)
      device->gpu().reach(other->gpu());
  }
  for (CUDADevice *device : devices)
    device->setTargets(numbers);
  for (const CollectiveLink &link : links.collectives) {
    Group &group = groups.emplace_back();
    for (int64_t member : link.devices)
      for (auto *events : {&group.ready, &group.slices, &group.complete})
        events->emplace_back(devices[member]->gpu());
  }
  for (const MessageLink &link : links.messages) {
    const GPU &from = devices[link.from]->gpu(), &to = devices[link.to]->gpu();
    messages.emplace_back(from, to);
    if (link.isToHost())
      continue;
    streams[link.from].messages.try_emplace(link.to, from, CUDAStream::High);
    if (timers[link.to].isTiming())
      streams[link.to].arrivals.try_emplace(link.from, to, CUDAStream::High);
  }
}

void PeerTransport::startMessage(int64_t device, int64_t number) {
  const MessageLink &link = links.messages[number];
  if (link.isToHost())
    return hostCopies[device].start(number);
  Message &message = messages[number];
  bool sends = device == link.from;
  (sends ? message.sent : message.received).record(devices[device]->stream());
  if (message.started.advance() % 2 == 0)
    return; // the other side comes second
  copy(number, message);
  message.enqueued.advance();
  devices[device]->gpu().use();
}

void PeerTransport::copy(int64_t number, Message &message) {
  const MessageLink &link = links.messages[number];
  CUDADevice &from = *devices[link.from], &to = *devices[link.to];
  const CUDAStream &stream = streams[link.from].messages.at(link.to);
  from.gpu().use();
  stream.await(message.sent);
  stream.await(message.received);
  auto addressOf = [](CUDADevice &device, int64_t slot) {
    return reinterpret_cast<cuda::Pointer>(device.memory().address(slot));
  };
  timers[link.from].begin(Wait::Message, number, stream);
  check(driver().copy(addressOf(to, link.toSlot), addressOf(from, link.fromSlot),
                      size_t(link.bytes), stream),
        "copy a message");
  timers[link.from].end(Wait::Message, number, stream);
  message.complete.record(stream);
  if (timers[link.to].isTiming())
    timeArrival(number, message);
}

void PeerTransport::timeArrival(int64_t number, Message &message) {
  const MessageLink &link = links.messages[number];
  const CUDAStream &stream = streams[link.to].arrivals.at(link.from);
  devices[link.to]->gpu().use();
  stream.await(message.sent);
  stream.await(message.received);
  timers[link.to].begin(Wait::Message, number, stream);
  stream.await(message.complete);
  timers[link.to].end(Wait::Message, number, stream);
  message.arrived.record(stream);
}

void PeerTransport::startCollective(int64_t device) {
  const std::vector<int64_t> &order = links.devices[device].collectives;
  int64_t number = order[streams[device].startedCollectives++ % order.size()];
  const CollectiveLink &link = links.collectives[number];
  Group &group = groups[number];
  group.ready[link.memberOf(device)].record(devices[device]->stream());
  if ((group.arrived.advance() + 1) % link.devices.size() != 0)
    return;
  enqueue(number, group);
  group.enqueued.advance();
  devices[device]->gpu().use();
}

void PeerTransport::enqueue(int64_t number, Group &group) {
  const CollectiveLink &link = links.collectives[number];
  for (size_t member = 0; member < link.devices.size(); ++member)
    enqueueSlice(number, group, member);
  for (size_t member = 0; member < link.devices.size(); ++member) {
    const CUDAStream &stream = streams[link.devices[member]].collectives;
    devices[link.devices[member]]->gpu().use();
    for (const CUDAEvent &slice : group.slices)
      stream.await(slice);
    timers[link.devices[member]].end(Wait::Collective, number, stream);
    group.complete[member].record(stream);
  }
}

void PeerTransport::enqueueSlice(int64_t number, Group &group, size_t member) {
  const CollectiveLink &link = links.collectives[number];
  const CUDAStream &stream = streams[link.devices[member]].collectives;
  devices[link.devices[member]]->gpu().use();
  for (const CUDAEvent &ready : group.ready)
    stream.await(ready);
  timers[link.devices[member]].begin(Wait::Collective, number, stream);
  if (link.kind == Collective::AllGather)
    giveSlice(link, member, stream);
  else
    sumSlice(link, member, stream);
  group.slices[member].record(stream);
}

void PeerTransport::sumSlice(const CollectiveLink &link, size_t member,
                             const CUDAStream &stream) {
  Range slice = link.sliceOf(member);
  bool keeps = link.kind == Collective::ReduceScatter;
  gpu::Sum arguments{{}, int64_t(link.devices.size()), slice.begin, slice.end,
                     keeps ? sliceOf(link, member) - slice.begin : nullptr};
  for (size_t i = 0; i < link.devices.size(); ++i)
    arguments.members[i] = memoryOf(link, i);
  const OwnKernels &kernels = devices[link.devices[member]]->kernels();
  kernels.launch(kernels.sum, (slice.count() + 3) / 4, stream, arguments);
}

void PeerTransport::giveSlice(const CollectiveLink &link, size_t member,
                              const CUDAStream &stream) {
  Range slice = link.sliceOf(member);
  if (slice.count() == 0)
    return;
  const float *mine = sliceOf(link, member);
  for (size_t i = 0; i < link.devices.size(); ++i)
    if (float *place = memoryOf(link, i) + slice.begin; place != mine)
      check(driver().copy(reinterpret_cast<cuda::Pointer>(place),
                          reinterpret_cast<cuda::Pointer>(mine),
                          size_t(slice.count()) * sizeof(float), stream),
            "gather a slice");
}

float *PeerTransport::sliceOf(const CollectiveLink &link, size_t member) const {
  auto [slot, begin] = link.placeOfSlice(member);
  return devices[link.devices[member]]->memory().floats(slot) + begin;
}

float *PeerTransport::memoryOf(const CollectiveLink &link, size_t member) const {
  return devices[link.devices[member]]->memory().floats(link.slots[member]);
}

/// A step ends after all that it has started, so that its events tell the next one
/// nothing.
Event PeerTransport::completion(int64_t device, const Wait &wait, uint32_t step) const {
  if (wait.kind == Wait::Message && links.messages[wait.index].isToHost())
    return hostCopies[device].completion(wait.index, wait.previousStep, step);
  const Counter &enqueued = wait.kind == Wait::Message ? messages[wait.index].enqueued
                                                       : groups[wait.index].enqueued;
  if (wait.previousStep)
    return {&enqueued, 0, nullptr};
  if (wait.kind == Wait::Message)
    return {&enqueued, step + 1, cuda::EventHandle(messages[wait.index].complete)};
  size_t member = links.collectives[wait.index].memberOf(device);
  return {&enqueued, step + 1, cuda::EventHandle(groups[wait.index].complete[member])};
}

std::vector<std::vector<TimedWork>> PeerTransport::collectiveTimes(int64_t device) const {
  return timers[device].collectiveTimes();
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
/// begins its next step before the others have what it sent. Gathers come after that;
/// each device ends its step with its own.
void PeerTransport::agree() {
  const CUDAStream &stream = streams.front().collectives;
  devices.front()->gpu().use();
  for (const CUDAEvent &event : contributed)
    stream.await(event);
  for (size_t i = 0; i < messages.size(); ++i)
    if (const MessageLink &link = links.messages[i]; !link.isToHost()) {
      stream.await(messages[i].complete);
      if (timers[link.to].isTiming())
        stream.await(messages[i].arrived);
    }
  for (size_t i = 0; i < groups.size(); ++i)
    if (links.collectives[i].kind != Collective::AllGather)
      for (const CUDAEvent &event : groups[i].complete)
        stream.await(event);
  agreed.record(stream);
}

Event PeerTransport::agreement(uint32_t step) const {
  return {&agreements, step + 1, cuda::EventHandle(agreed)};
}
