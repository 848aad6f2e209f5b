//===- UCXNetwork.cpp - Messages by UCX -------------------------------------===//

#include "lib/Runtime/Transport/UCX/UCXNetwork.h"

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Transport/NetworkLibrary.h"
#include "lib/Runtime/Transport/UCX/UCXTags.h"
#include "lib/Version/Version.h"

using namespace bitpipe;

UCXNetwork::UCXNetwork(const Launch &launch, std::chrono::seconds timeout)
    : myRank(launch.rank), timeout(timeout), worker(launch.size, sizeof(Note)) {
  auto meet = myRank == 0 ? listenByUCX : callByUCX;
  for (UCXPeer &known : meet(worker, launch, timeout))
    peers.emplace_back(this, int(peers.size()), std::move(known));
}

std::string UCXNetwork::description() const {
  unsigned major, minor, release;
  ucp_get_version(&major, &minor, &release);
  return joined("UCX ", major, ".", minor, ".", release);
}

/// The end of a connection notices failures, for messages in both directions. With
/// that UCX does without shared memory, ten times as slow; on this host the kernel
/// tells who has ended (Peers.h).
UCXNetwork::Peer &UCXNetwork::connected(int rank) {
  Peer &peer = peers[rank];
  if (peer.failure != UCS_OK)
    failPeer(peer);
  if (peer.end)
    return peer;
  auto failed = [](void *object, ucp_ep_h, ucs_status_t status) {
    auto *peer = static_cast<Peer *>(object);
    peer->failure = status;
    peer->network->anyFailed = true;
  };
  bool sameHost = peer.known.host == peers[myRank].known.host;
  peer.end = worker.connect(peer.known.address, !sameHost, failed, &peer);
  peer.eagerBytes = UCXWorker::eagerBytesOf(peer.end);
  return peer;
}

void UCXNetwork::failPeer(const Peer &peer) {
  throw NetworkError(peer.rank, joined("the connection is lost (UCX: ",
                                       ucs_status_string(peer.failure), ")"));
}

/// What UCX has begun: a request, or none if it is done already.
void UCXNetwork::start(ucs_status_ptr_t request, Peer &peer, Token token) {
  if (UCS_PTR_IS_ERR(request))
    throw NetworkError(peer.rank, ucs_status_string(UCS_PTR_STATUS(request)));
  if (!request) {
    ready.push_back(token);
    return;
  }
  *static_cast<Note *>(request) = {&peer, token};
  ++peer.underWay;
}

void UCXNetwork::complete(void *request, ucs_status_t status) {
  auto [peer, token] = *static_cast<Note *>(request);
  ucp_request_free(request);
  if (status == UCS_OK) {
    --peer->underWay;
    ready.push_back(token);
    return;
  }
  peer->failure = status; // and under way for good
  anyFailed = true;
}

void UCXNetwork::send(int to, uint32_t channel, const void *data, size_t bytes,
                      Token token) {
  Peer &peer = connected(to);
  ucp_request_param_t params = {};
  params.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA;
  params.user_data = this;
  params.cb.send = [](void *request, ucs_status_t status, void *network) {
    static_cast<UCXNetwork *>(network)->complete(request, status);
  };
  start(ucp_tag_send_nbx(peer.end, data, bytes, tags::of(myRank, channel), &params), peer,
        token);
}

void UCXNetwork::receive(int from, uint32_t channel, void *data, size_t bytes,
                         Token token) {
  Peer &peer = connected(from);
  ucp_request_param_t params = {};
  params.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA;
  params.user_data = this;
  params.cb.recv = [](void *request, ucs_status_t status, const ucp_tag_recv_info_t *,
                      void *network) {
    static_cast<UCXNetwork *>(network)->complete(request, status);
  };
  start(ucp_tag_recv_nbx(worker, data, bytes, tags::of(from, channel), ~ucp_tag_t(0), &params),
        peer, token);
}

/// A peer that nothing is awaited from may go: it has said all it had to.
void UCXNetwork::poll(std::vector<Token> &completed) {
  while (ucp_worker_progress(worker) != 0 && ready.empty()) {
  }
  completed.insert(completed.end(), ready.begin(), ready.end());
  ready.clear();
  if (!anyFailed)
    return;
  for (const Peer &peer : peers)
    if (peer.failure != UCS_OK && peer.underWay > 0)
      failPeer(peer);
}

/// Waits for a goodbye. A rank that was killed says none.
void UCXNetwork::awaitGoodbye(UCXWorker::Clock::time_point deadline) {
  std::string text;
  while (!worker.take(tags::goodbye, text))
    if (UCXWorker::Clock::now() > deadline)
      throw NetworkError(-1, "another rank has not come to the end");
}

/// All tell rank 0 that they are done, and leave once it has answered.
void UCXNetwork::finish() {
  auto deadline = UCXWorker::Clock::now() + timeout;
  if (myRank == 0) {
    for (int i = 1; i < size(); ++i)
      awaitGoodbye(deadline);
    for (int to = 1; to < size(); ++to)
      worker.send(connected(to).end, tags::goodbye, "");
  } else {
    worker.send(connected(0).end, tags::goodbye, "");
    awaitGoodbye(deadline);
  }
  for (Peer &peer : peers)
    if (peer.end)
      worker.disconnect(peer.end, deadline);
  worker.close();
}

extern "C" {
const char *bitpipe_network_version() {
  static const std::string text = versionText();
  return text.c_str();
}

Network *bitpipe_network_connect(const Launch &launch, std::chrono::seconds timeout) {
  return new UCXNetwork(launch, timeout);
}
}
