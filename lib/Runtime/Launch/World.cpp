//===- World.cpp - The processes of a run ----------------------------------===//
//
// Rank 0 is the middle: it receives from all and sends to all. A text travels as
// one message with its length if it is short, as is what ranks exchange every
// step, and as two otherwise.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/Launch/World.h"

#include "lib/Runtime/Transport/Packing.h"

#include <algorithm>

using namespace bitpipe;

/// A text on its way between this rank and another.
struct World::Parcel {
  int peer;
  uint32_t channel;
  struct Head {
    uint64_t bytes;
    char first[4088];
  } head;
  std::string text; // if received

  size_t inHead() const { return std::min<size_t>(head.bytes, sizeof(head.first)); }
  bool hasMore() const { return head.bytes > sizeof(head.first); }
};

/// From rank 0 to or from all others; from another rank to or from rank 0.
std::vector<World::Parcel> World::parcels(uint32_t channel) const {
  std::vector<Parcel> parcels(rank() == 0 ? size() - 1 : 1);
  for (size_t i = 0; i < parcels.size(); ++i) {
    parcels[i].peer = rank() == 0 ? int(i) + 1 : 0;
    parcels[i].channel = channel;
  }
  return parcels;
}

void World::send(std::vector<Parcel> &parcels, const std::string &text) {
  for (Parcel &parcel : parcels) {
    parcel.head.bytes = text.size();
    std::memcpy(parcel.head.first, text.data(), parcel.inHead());
    network->send(parcel.peer, parcel.channel, &parcel.head,
                  offsetof(Parcel::Head, first) + parcel.inHead(), *ended);
    ++started;
    if (!parcel.hasMore())
      continue;
    network->send(parcel.peer, parcel.channel, text.data() + parcel.inHead(),
                  text.size() - parcel.inHead(), *ended);
    ++started;
  }
  wait();
}

void World::receive(std::vector<Parcel> &parcels) {
  for (Parcel &parcel : parcels) {
    network->receive(parcel.peer, parcel.channel, &parcel.head, sizeof(parcel.head), *ended);
    ++started;
  }
  wait();
  for (Parcel &parcel : parcels) {
    parcel.text.resize(parcel.head.bytes);
    std::memcpy(parcel.text.data(), parcel.head.first, parcel.inHead());
    if (!parcel.hasMore())
      continue;
    network->receive(parcel.peer, parcel.channel, parcel.text.data() + parcel.inHead(),
                     parcel.text.size() - parcel.inHead(), *ended);
    ++started;
  }
  wait();
}

World::World(std::unique_ptr<NetworkThread> network)
    : network(std::move(network)), ended(std::make_unique<Counter>()) {}

World World::forThread(ThreadChannels channels) const {
  World other;
  other.main = main;
  other.network = network;
  other.channels = channels;
  other.ended = std::make_unique<Counter>();
  return other;
}

std::vector<std::string> World::gather(const std::string &mine) {
  if (size() == 1)
    return {mine};
  status().beginExchange();
  std::vector<Parcel> parcels = this->parcels(uint32_t(channels));
  if (rank() != 0) {
    send(parcels, mine);
    return {};
  }
  receive(parcels);
  std::vector<std::string> texts = {mine};
  for (Parcel &parcel : parcels)
    texts.push_back(std::move(parcel.text));
  return texts;
}

std::string World::broadcast(const std::string &mine) {
  if (size() == 1)
    return mine;
  status().beginExchange();
  std::vector<Parcel> parcels = this->parcels(uint32_t(channels) + 1);
  if (rank() == 0) {
    send(parcels, mine);
    return mine;
  }
  receive(parcels);
  return std::move(parcels.front().text);
}

std::vector<std::string> World::allGather(const std::string &mine) {
  return *unpacked(broadcast(packed(gather(mine))));
}

void World::finish() {
  if (network)
    network->finish();
}
