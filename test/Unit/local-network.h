//===- local-network.h - A network between threads, for tests ---------------===//
//
// Ranks of one process, each with a NetworkThread of its own. A message is copied
// when both its ends are there, at the next poll of either rank.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TEST_UNIT_LOCAL_NETWORK_H
#define BITPIPE_TEST_UNIT_LOCAL_NETWORK_H

#include "lib/Runtime/Transport/Network.h"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>

namespace bitpipe {

class LocalNetwork : public Network {
public:
  /// What the ranks share.
  struct Fabric {
    struct End {
      void *data;
      size_t bytes;
      Token token;
    };
    using Channel = std::tuple<int, int, uint32_t>; // from, to, channel

    explicit Fabric(int size) : completed(size) {}

    std::mutex mutex;
    std::map<Channel, std::deque<End>> sends, receives;
    std::vector<std::vector<Token>> completed; // by rank
    int brokenRank = -1;
  };

  LocalNetwork(std::shared_ptr<Fabric> fabric, int rank)
      : fabric(std::move(fabric)), myRank(rank) {}

  int rank() const override { return myRank; }
  int size() const override { return int(fabric->completed.size()); }
  std::string description() const override { return "threads"; }

  void send(int to, uint32_t channel, const void *data, size_t bytes,
            Token token) override {
    std::lock_guard lock(fabric->mutex);
    fabric->sends[{myRank, to, channel}].push_back({const_cast<void *>(data), bytes, token});
    match({myRank, to, channel});
  }

  void receive(int from, uint32_t channel, void *data, size_t bytes,
               Token token) override {
    std::lock_guard lock(fabric->mutex);
    fabric->receives[{from, myRank, channel}].push_back({data, bytes, token});
    match({from, myRank, channel});
  }

  void poll(std::vector<Token> &completed) override {
    std::lock_guard lock(fabric->mutex);
    if (fabric->brokenRank >= 0)
      throw NetworkError(fabric->brokenRank, "broken");
    auto &mine = fabric->completed[myRank];
    completed.insert(completed.end(), mine.begin(), mine.end());
    mine.clear();
  }

  void finish() override {}

private:
  void match(const Fabric::Channel &channel) {
    auto &sends = fabric->sends[channel], &receives = fabric->receives[channel];
    auto [from, to, number] = channel;
    while (!sends.empty() && !receives.empty()) {
      std::copy_n(static_cast<char *>(sends.front().data), sends.front().bytes,
                  static_cast<char *>(receives.front().data));
      fabric->completed[from].push_back(sends.front().token);
      fabric->completed[to].push_back(receives.front().token);
      sends.pop_front();
      receives.pop_front();
    }
  }

  std::shared_ptr<Fabric> fabric;
  int myRank;
};

} // namespace bitpipe

#endif // BITPIPE_TEST_UNIT_LOCAL_NETWORK_H
