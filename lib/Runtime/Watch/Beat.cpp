//===- Beat.cpp - What ranks tell of themselves once a second ---------------===//

#include "lib/Runtime/Watch/Beat.h"

#include <algorithm>

using namespace bitpipe;

constexpr uint32_t beatChannel = firstFreeControlChannel;
constexpr size_t mostDevices = 1024; // of a plan

Beats::Beats(World &world) : world(world) {
  if (!listens())
    return;
  for (int rank = 0; rank < world.size(); ++rank) {
    ears.emplace_back().message.resize(bytesFor(mostDevices));
    if (rank != world.rank())
      listen(rank);
  }
}

void Beats::listen(int rank) {
  Ear &ear = ears[rank];
  ++ear.posted;
  world.connection()->receive(rank, beatChannel, ear.message.data(),
                              ear.message.size(), ear.arrived);
}

bool Beats::send(const RankStatus &status, bool last) {
  if (!sent.reached(sends))
    return false;
  if (saidLast || (!last && Clock::now() - lastSend < interval))
    return saidLast;
  Head head{status.main, uint32_t(status.devices.size()), last};
  mine.resize(bytesFor(status.devices.size()));
  std::memcpy(mine.data(), &head, sizeof(head));
  std::memcpy(mine.data() + sizeof(head), status.devices.data(),
              status.devices.size() * sizeof(DeviceMoment));
  for (int listener = 0; listener < listeners(); ++listener) {
    if (listener == world.rank())
      continue;
    ++sends;
    world.connection()->send(listener, beatChannel, mine.data(), mine.size(),
                             sent);
  }
  lastSend = Clock::now();
  saidLast = last;
  return last && sent.reached(sends);
}

void Beats::receive() {
  for (size_t rank = 0; rank < ears.size(); ++rank) {
    Ear &ear = ears[rank];
    if (int(rank) == world.rank() || !ear.arrived.reached(ear.posted) ||
        ear.status.life == RankStatus::Finished)
      continue;
    read(ear);
    if (ear.status.life != RankStatus::Finished)
      listen(int(rank));
  }
}

void Beats::read(Ear &ear) {
  Head head;
  std::memcpy(&head, ear.message.data(), sizeof(head));
  ear.heard = Clock::now();
  ear.status.life = head.last ? RankStatus::Finished : RankStatus::Alive;
  ear.status.main = head.main;
  ear.status.devices.resize(head.devices);
  std::memcpy(static_cast<void *>(ear.status.devices.data()),
              ear.message.data() + sizeof(head),
              head.devices * sizeof(DeviceMoment));
}

bool Beats::allFinished() const {
  for (size_t rank = 0; rank < ears.size(); ++rank)
    if (int(rank) != world.rank() &&
        ears[rank].status.life != RankStatus::Finished)
      return false;
  return true;
}

RankStatus Beats::status(int rank) const {
  if (!listens())
    return {};
  const Ear &ear = ears[rank];
  RankStatus status = ear.status;
  if (status.life != RankStatus::Alive)
    return status;
  status.silentSeconds =
      std::chrono::duration<double>(Clock::now() - ear.heard).count();
  if (status.silentSeconds > 5 * std::chrono::duration<double>(interval).count())
    status.life = RankStatus::Silent;
  return status;
}
