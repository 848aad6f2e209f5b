//===- network-conformance.h - What every network must do -------------------===//
//
// Messages of all sizes in all orders between all ranks of a world. What a message
// holds follows from who sends it, where and when, so that a message that is late,
// lost, swapped or cut off shows.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TEST_UNIT_NETWORK_CONFORMANCE_H
#define BITPIPE_TEST_UNIT_NETWORK_CONFORMANCE_H

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Launch/World.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <thread>

namespace bitpipe {

class Conformance {
public:
  /// `seed` chooses the order of posts and the delays between them.
  Conformance(World &world, unsigned seed)
      : world(world), network(*world.connection()),
        random(seed + 1000 * world.rank() + 1) {}

  /// Throws a UserError that says what is wrong.
  void run() {
    for (size_t bytes : {0, 1, 7, 4096, 65536, 10 << 20}) {
      exchange(1, 3, [=](int) { return bytes; }, Posting::ReceivesFirst);
      exchange(1, 3, [=](int) { return bytes; }, Posting::SendsFirst);
    }
    auto anySize = [](int k) { return size_t(k * 7919 % 5000); };
    for (Posting posting : {Posting::Mixed, Posting::ReceivesFirst, Posting::SendsFirst})
      exchange(5, 200, anySize, posting);
    overtaking();
    manyThreads();
    collectives();
  }

  /// One message of so many bytes from rank 0 to the last.
  void large(size_t bytes) {
    Counter done;
    int last = world.size() - 1;
    std::vector<char> memory(world.rank() == 0 || world.rank() == last ? bytes : 0);
    if (world.rank() == 0) {
      fill(memory, {0, last, 1, 0});
      network.send(last, 1, memory.data(), bytes, done);
      done.waitFor(1);
    } else if (world.rank() == last) {
      network.receive(0, 1, memory.data(), bytes, done);
      done.waitFor(1);
      check(memory, {0, last, 1, 0});
    }
    world.barrier();
  }

private:
  enum class Posting { SendsFirst, ReceivesFirst, Mixed };

  struct Name {
    int from, to;
    uint32_t channel;
    int number; // in its channel
  };
  struct Message {
    Name name;
    std::vector<char> memory;
  };

  /// Eight bytes at a time, and a rest.
  static uint64_t word(const Name &name, size_t position) {
    uint64_t x = position + (uint64_t(name.from) << 56) + (uint64_t(name.to) << 48) +
                 (uint64_t(name.channel) << 36) + (uint64_t(name.number) << 24);
    x = (x ^ (x >> 31)) * 0x9e3779b97f4a7c15u;
    return x ^ (x >> 29);
  }
  static void fill(std::vector<char> &memory, const Name &name) {
    for (size_t i = 0; i < memory.size(); i += 8) {
      uint64_t value = word(name, i);
      std::memcpy(&memory[i], &value, std::min<size_t>(8, memory.size() - i));
    }
  }
  static void check(const std::vector<char> &memory, const Name &name) {
    for (size_t i = 0; i < memory.size(); i += 8) {
      uint64_t value = word(name, i);
      if (std::memcmp(&memory[i], &value, std::min<size_t>(8, memory.size() - i)))
        fail("error: rank ", name.to, ": message ", name.number, " of ", memory.size(),
             " bytes from rank ", name.from, " in channel ", name.channel,
             " differs at byte ", i);
    }
  }

  void sometimesWait() {
    if (random() % 64 == 0)
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 300));
  }

  /// The channels in any order, the messages of each in theirs.
  template <typename SizeOf>
  std::vector<Message> messages(bool sent, int channels, int count, SizeOf sizeOf) {
    std::vector<std::pair<int, uint32_t>> order; // peer, channel
    for (int peer = 0; peer < world.size(); ++peer)
      for (int channel = 0; channel < channels && peer != world.rank(); ++channel)
        order.insert(order.end(), count, {peer, channel});
    std::shuffle(order.begin(), order.end(), random);
    std::vector<Message> messages;
    std::map<std::pair<int, uint32_t>, int> numbers;
    for (auto [peer, channel] : order) {
      int number = numbers[{peer, channel}]++;
      Name name = sent ? Name{world.rank(), peer, channel, number}
                       : Name{peer, world.rank(), channel, number};
      messages.push_back({name, std::vector<char>(sizeOf(number))});
    }
    return messages;
  }

  void post(Message &message, Counter &done) {
    sometimesWait();
    const Name &name = message.name;
    if (name.from == world.rank())
      network.send(name.to, name.channel, message.memory.data(), message.memory.size(), done);
    else
      network.receive(name.from, name.channel, message.memory.data(),
                      message.memory.size(), done);
  }

  /// `count` messages in each of the channels between every two ranks, all under way
  /// at once.
  template <typename SizeOf>
  void exchange(int channels, int count, SizeOf sizeOf, Posting posting) {
    std::vector<Message> sends = messages(true, channels, count, sizeOf);
    std::vector<Message> receives = messages(false, channels, count, sizeOf);
    for (Message &message : sends)
      fill(message.memory, message.name);
    Counter done;
    if (posting == Posting::Mixed) {
      for (size_t i = 0; i < sends.size(); ++i) {
        post(sends[i], done);
        post(receives[i], done);
      }
    } else {
      bool sendsFirst = posting == Posting::SendsFirst;
      for (Message &message : sendsFirst ? sends : receives)
        post(message, done);
      world.barrier(); // what comes now is awaited, or was not expected
      for (Message &message : sendsFirst ? receives : sends)
        post(message, done);
    }
    done.waitFor(uint32_t(sends.size() + receives.size()));
    for (const Message &message : receives)
      check(message.memory, message.name);
  }

  /// A message whose receive has not been posted holds up none of another channel;
  /// a receive may be larger than what comes.
  void overtaking() {
    constexpr size_t bytes = 3 << 20;
    int to = (world.rank() + 1) % world.size();
    int from = (world.rank() + world.size() - 1) % world.size();
    std::vector<char> sent(bytes), received(bytes), small(100), smallReceived(200);
    Name name = {world.rank(), to, 1, 0}, nameReceived = {from, world.rank(), 1, 0};
    fill(sent, name);
    fill(small, name);
    Counter sends, first, second;
    network.send(to, 1, sent.data(), bytes, sends);
    network.send(to, 2, small.data(), small.size(), sends);
    network.receive(from, 2, smallReceived.data(), smallReceived.size(), first);
    first.waitFor(1);
    network.receive(from, 1, received.data(), bytes, second);
    second.waitFor(1);
    sends.waitFor(2);
    check(received, nameReceived);
    smallReceived.resize(small.size());
    check(smallReceived, nameReceived);
  }

  /// Several threads post at once, each in a channel of its own.
  void manyThreads() {
    auto loop = [&](uint32_t channel) {
      int to = (world.rank() + 1) % world.size();
      int from = (world.rank() + world.size() - 1) % world.size();
      std::vector<char> sent(4000), received(4000);
      Counter done;
      for (int i = 0; i < 300; ++i) {
        fill(sent, {world.rank(), to, channel, i});
        network.send(to, channel, sent.data(), sent.size(), done);
        network.receive(from, channel, received.data(), received.size(), done);
        done.waitFor(2 * (i + 1));
        check(received, {from, world.rank(), channel, i});
      }
    };
    std::vector<std::jthread> threads;
    for (uint32_t channel = 0; channel < 4; ++channel)
      threads.emplace_back(loop, channel);
  }

  static std::string textOf(int rank, size_t bytes) {
    std::string text(bytes + rank, 0);
    std::iota(text.begin(), text.end(), char(rank));
    return text;
  }

  void collectives() {
    for (size_t bytes : {0, 1, 4080, 4087, 4088, 4089, 1 << 20}) {
      std::string mine = textOf(world.rank(), bytes);
      std::vector<std::string> gathered = world.gather(mine), all = world.allGather(mine);
      if (gathered.size() != size_t(world.speaks() ? world.size() : 0) ||
          all.size() != size_t(world.size()))
        fail("error: gather and allGather give ", gathered.size(), " and ", all.size(),
             " texts");
      for (int rank = 0; rank < world.size(); ++rank)
        if (all[rank] != textOf(rank, bytes) ||
            (world.speaks() && gathered[rank] != all[rank]))
          fail("error: the text of rank ", rank, " with ", bytes, " bytes differs");
      if (world.broadcast(mine) != textOf(0, bytes))
        fail("error: broadcast of ", bytes, " bytes differs");
    }
    std::vector<int> ranks;
    world.allGatherValues(world.rank(), ranks);
    for (int rank = 0; rank < world.size(); ++rank)
      if (ranks[rank] != rank)
        fail("error: value ", rank, " is ", ranks[rank]);
  }

  World &world;
  NetworkThread &network;
  std::minstd_rand random;
};

} // namespace bitpipe

#endif // BITPIPE_TEST_UNIT_NETWORK_CONFORMANCE_H
