//===- UCXNetwork.h - Messages by UCX ---------------------------------------===//
//
// A message's tag holds the sender's rank and the channel. UCX matches messages of
// one tag from one sender in the order in which they were sent.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRANSPORT_UCX_UCXNETWORK_H
#define BITPIPE_RUNTIME_TRANSPORT_UCX_UCXNETWORK_H

#include "lib/Runtime/Transport/Network.h"
#include "lib/Runtime/Transport/UCX/UCXMeeting.h"

#include <atomic>
#include <deque>

namespace bitpipe {

class UCXNetwork : public Network {
public:
  UCXNetwork(const Launch &launch, std::chrono::seconds timeout);

  int rank() const override { return myRank; }
  int size() const override { return int(peers.size()); }
  std::string description() const override;
  size_t eagerBytes(int to) const override { return peers[to].eagerBytes; }

  void send(int to, uint32_t channel, const void *data, size_t bytes,
            Token token) override;
  void receive(int from, uint32_t channel, void *data, size_t bytes,
               Token token) override;
  void poll(std::vector<Token> &completed) override;
  void finish() override;

private:
  struct Peer {
    UCXNetwork *network;
    int rank;
    UCXPeer known;
    ucp_ep_h end = nullptr; // made when first needed
    std::atomic<size_t> eagerBytes = 0;
    ucs_status_t failure = UCS_OK;
    size_t underWay = 0; // messages to and from it
  };
  /// What every request of UCX carries.
  struct Note {
    Peer *peer;
    Token token;
  };

  Peer &connected(int rank);
  void start(ucs_status_ptr_t request, Peer &peer, Token token);
  void complete(void *request, ucs_status_t status);
  void awaitGoodbye(UCXWorker::Clock::time_point deadline);
  [[noreturn]] static void failPeer(const Peer &peer);

  const int myRank;
  const std::chrono::seconds timeout; // of what all ranks do together
  UCXWorker worker;
  std::deque<Peer> peers;
  std::vector<Token> ready;
  bool anyFailed = false;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRANSPORT_UCX_UCXNETWORK_H
