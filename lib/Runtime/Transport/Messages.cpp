//===- Messages.cpp - Tensors from device to device ------------------------===//

#include "lib/Runtime/Transport/Messages.h"

#include "lib/Runtime/Delay.h"

#include <cstring>
#include <utility>

using namespace bitpipe;

Messages::Messages(const Links &links, const World &world,
                   const LocalDevices &devices, const std::vector<double> *copySeconds)
    : links(links), world(world), devices(devices),
      channels{int64_t(links.devices.size())}, states(links.messages.size()),
      hostCopies(links, devices, copySeconds) {}

void Messages::start(int64_t message) {
  const MessageLink &link = links.messages[message];
  State &state = states[message];
  delayAtRandom();
  if (!devices.holds(link.to))
    return startSend(link, state.complete);
  if (!devices.holds(link.from))
    return startReceive(link, state.complete);
  if (state.started.advance() % 2 == 0)
    return; // the other side comes second
  if (link.isToHost())
    return hostCopies.start(message, state.complete);
  delayAtRandom();
  handOver(link);
  state.complete.advance();
}

void Messages::startSend(const MessageLink &link, Counter &complete) {
  world.connection()->send(world.rankOf(link.to, channels.devices),
                           channels.message(link.from, link.to),
                           devices[link.from].memory().address(link.fromSlot),
                           link.bytes, complete);
}

void Messages::startReceive(const MessageLink &link, Counter &complete) {
  world.connection()->receive(world.rankOf(link.from, channels.devices),
                              channels.message(link.from, link.to),
                              devices[link.to].memory().address(link.toSlot),
                              link.bytes, complete);
}

void Messages::handOver(const MessageLink &link) {
  char *&source = devices[link.from].memory().address(link.fromSlot);
  char *&target = devices[link.to].memory().address(link.toSlot);
  if (link.swap)
    std::swap(source, target);
  else
    std::memcpy(target, source, link.bytes);
}
