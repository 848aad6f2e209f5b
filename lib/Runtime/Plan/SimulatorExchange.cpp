//===- SimulatorExchange.cpp - What devices start, and what they are given --===//
//
// Messages, sums and gathers, the gradient norm, and the data of the next steps.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/Plan/Simulator.h"
#include "lib/Runtime/Transport/Pacing.h"

#include <algorithm>

using namespace bitpipe;

/// Who comes second lets a message go, or its sender.
void Simulator::startMessage(size_t d, size_t index, bool sends) {
  lastNews[processOf[d]] = now;
  Message &message = messages[index];
  ++(sends ? message.sent : message.asked);
  if (message.eager ? sends : message.sent == message.asked)
    transmit(index);
  else if (message.eager && message.arrived >= message.asked)
    completeMessage(index);
}

/// One at a time uses a way. A GPU copies to its host and back at once.
void Simulator::transmit(size_t index) {
  const MessageLink &link = links.messages[index];
  const schedule::MessageTime &time = times.messages[index];
  bool returns = program.isForGPUs() && link.isToHost() && !link.leaves();
  double &free = linkFree[{link.from, link.to, returns}];
  free = std::max(free, now) + time.transfer;
  if (free + time.latency > now)
    at(free + time.latency, {Timer::MessageThere, index});
  else
    messageThere(index);
}

/// How late the process of a device notices what has come: on average half of how
/// long its network's thread sleeps.
double Simulator::lateness(size_t d) const {
  constexpr double enough = 1; // second, after which sleeps grow no longer
  std::chrono::duration<double> waited(std::min(now - lastNews[processOf[d]], enough));
  auto whole = std::chrono::duration_cast<std::chrono::nanoseconds>(waited);
  return double(Pacing::sleepAfter(whole).count()) * 0.5e-9;
}

/// What was not asked for yet is complete when it is.
void Simulator::messageThere(size_t index) {
  const MessageLink &link = links.messages[index];
  if (Message &message = messages[index]; ++message.arrived > message.asked)
    return;
  bool within = processOf[link.from] == processOf[link.to];
  double late = within ? 0 : lateness(link.to);
  if (late > 0)
    at(now + late, {Timer::MessageNoticed, index});
  else
    completeMessage(index);
}

void Simulator::completeMessage(size_t index) {
  lastNews[processOf[links.messages[index].to]] = now;
  ++messages[index].completed;
  wake(links.messages[index].from);
  wake(links.messages[index].to);
}

/// A device's next collective begins when all members have come to it.
void Simulator::advanceCollectives(size_t d) {
  Device &device = devices[d];
  if (device.inCollective || device.nextCollective == device.startedCollectives)
    return;
  const auto &order = links.devices[d].collectives;
  int64_t index = order[device.nextCollective % order.size()];
  const CollectiveLink &link = links.collectives[index];
  device.inCollective = true;
  if (++collectives[index].arrived % int64_t(link.devices.size()) != 0)
    return;
  for (int64_t member : link.devices)
    pools[devices[member].pool].begin(Processors::Low, member, times.collectives[index]);
}

/// Each member has done its slice, and goes on to its next collective.
void Simulator::finishPart(size_t d) {
  Device &device = devices[d];
  const auto &order = links.devices[d].collectives;
  int64_t index = order[device.nextCollective % order.size()];
  const CollectiveLink &link = links.collectives[index];
  ++device.nextCollective;
  device.inCollective = false;
  advanceCollectives(d);
  if (++collectives[index].parts % int64_t(link.devices.size()) != 0)
    return;
  ++collectives[index].completed;
  for (int64_t member : link.devices)
    wake(member);
}

void Simulator::arriveAtNorm(size_t d) {
  Device &device = devices[d];
  device.state = State::AtNorm;
  wait(d);
  Gathering &norm = norms[device.step];
  norm.time = std::max(norm.time, now + times.toFirst[d]);
  if (++norm.devices < int64_t(devices.size()))
    return;
  double late = processOf[d] == processOf[0] ? 0 : lateness(0);
  for (size_t other = 0; other < devices.size(); ++other)
    at(norm.time + late + times.fromFirst[other], {Timer::ResultThere, other});
}

/// The data of a step are read once the step two before it has ended everywhere, by a
/// thread beside those of the devices.
void Simulator::feed() {
  if (fed > submitted || fed == mayFeed)
    return;
  ++fed;
  pools[devices.front().pool].begin(Processors::Normal, devices.size(), times.feed);
}

/// Ranks tell each other what they have read.
void Simulator::exchangeNews() {
  double there = 0, back = 0;
  for (size_t d = 0; d < devices.size(); ++d)
    if (processOf[d] != processOf[0]) {
      there = std::max(there, times.toFirst[d]);
      back = std::max(back, times.fromFirst[d]);
    }
  if (there + back > 0)
    at(now + there + back, {Timer::Submitted, 0});
  else
    submit();
}

void Simulator::submit() {
  ++submitted;
  for (size_t d = 0; d < devices.size(); ++d)
    wake(d);
  feed();
}
