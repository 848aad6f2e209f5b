//===- UCXListener.cpp - Rank 0 awaits the others ---------------------------===//

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Launch/Host.h"
#include "lib/Runtime/Transport/UCX/SocketAddress.h"
#include "lib/Runtime/Transport/UCX/UCXHello.h"
#include "lib/Runtime/Transport/UCX/UCXTags.h"

#include <algorithm>

using namespace bitpipe;

namespace {

/// Whoever is gone tries again, or is missed.
void ignoreFailure(void *, ucp_ep_h, ucs_status_t) {}

class Listener {
public:
  Listener(UCXWorker &worker, const Launch &launch)
      : worker(worker), launch(launch), peers(launch.size) {
    peers[0] = {hostIdentity(), worker.address()};
  }

  std::vector<UCXPeer> meet(std::chrono::seconds timeout) {
    listen();
    auto end = std::chrono::steady_clock::now() + timeout;
    while (missing() > 0) {
      if (std::chrono::steady_clock::now() > end)
        failMissing(timeout);
      acceptConnections();
      std::string text;
      if (worker.take(tags::hello, text))
        if (auto hello = unpackedHello(text))
          admit(*hello);
    }
    for (int rank = 1; rank < launch.size; ++rank)
      answer(peers[rank].address, {"", peers});
    ucp_listener_destroy(listener);
    return std::move(peers);
  }

private:
  void listen() {
    std::vector<SocketAddress> addresses = resolve(launch.rendezvous);
    if (addresses.empty())
      fail("error: rank 0 cannot listen at ", textOf(launch.rendezvous),
           ": no such host is known");
    // Its name for itself need not stand for the address by which others reach it.
    SocketAddress any = addresses.front().anyOfHost();
    ucp_listener_params_t params = {};
    params.field_mask =
        UCP_LISTENER_PARAM_FIELD_SOCK_ADDR | UCP_LISTENER_PARAM_FIELD_CONN_HANDLER;
    params.sockaddr = any.forUCX();
    params.conn_handler = {[](ucp_conn_request_h request, void *listener) {
                             static_cast<Listener *>(listener)->requests.push_back(request);
                           },
                           this};
    ucs_status_t status = ucp_listener_create(worker, &params, &listener);
    if (status != UCS_OK)
      fail("error: rank 0 cannot listen at port ", launch.rendezvous.port, ": ",
           ucs_status_string(status), ": set BITPIPE_PORT to one that is free");
  }

  /// A process is known by its hello, not by the connection over which that comes.
  void acceptConnections() {
    for (ucp_conn_request_h request : requests) {
      ucp_ep_params_t params = {};
      params.field_mask = UCP_EP_PARAM_FIELD_CONN_REQUEST |
                          UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE |
                          UCP_EP_PARAM_FIELD_ERR_HANDLER;
      params.conn_request = request;
      params.err_mode = UCP_ERR_HANDLING_MODE_PEER;
      params.err_handler = {ignoreFailure, nullptr};
      ucp_ep_h end;
      (void)ucp_ep_create(worker, &params, &end);
    }
    requests.clear();
  }

  int64_t missing() const {
    return std::count_if(peers.begin(), peers.end(),
                         [](const UCXPeer &peer) { return peer.address.empty(); });
  }

  [[noreturn]] void failMissing(std::chrono::seconds timeout) const {
    std::vector<int> ranks;
    for (int rank = 0; rank < launch.size; ++rank)
      if (peers[rank].address.empty())
        ranks.push_back(rank);
    fail("error: ", ranks.size(), " of ", launch.size, " processes have not come to ",
         textOf(launch.rendezvous), " within ", timeout.count(), " s: ranks ",
         listText(ranks));
  }

  void admit(const UCXHello &hello) {
    std::string refusal = refusalOf(hello);
    if (refusal.empty())
      peers[hello.rank] = hello.self;
    else
      answer(hello.self.address, {refusal, {}});
  }

  /// Why a process is not of this run, or empty.
  std::string refusalOf(const UCXHello &hello) const {
    if (hello.job != launch.job)
      return joined("it belongs to job '", hello.job, "', expected '", launch.job, "'");
    if (hello.size != launch.size)
      return joined("it belongs to ", hello.size, " processes, expected ", launch.size);
    if (hello.rank < 1 || hello.rank >= launch.size)
      return joined("expected a rank from 1 to ", launch.size - 1);
    const UCXPeer &known = peers[hello.rank];
    if (known.address.empty() || known.address == hello.self.address)
      return "";
    return joined("that rank has come already, from ",
                  known.host.substr(0, known.host.find(' ')));
  }

  void answer(const std::string &address, const UCXAnswer &answer) {
    ucp_ep_h end = worker.connect(address, true, ignoreFailure, nullptr);
    worker.send(end, tags::answer, packed(answer));
    worker.disconnect(end);
  }

  UCXWorker &worker;
  const Launch &launch;
  std::vector<UCXPeer> peers;
  ucp_listener_h listener = nullptr;
  std::vector<ucp_conn_request_h> requests;
};

} // namespace

std::vector<UCXPeer> bitpipe::listenByUCX(UCXWorker &worker, const Launch &launch,
                                          std::chrono::seconds timeout) {
  return Listener(worker, launch).meet(timeout);
}
