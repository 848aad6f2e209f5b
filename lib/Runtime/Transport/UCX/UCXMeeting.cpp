//===- UCXMeeting.cpp - How processes get to know each other ----------------===//

#include "lib/Runtime/Transport/UCX/UCXMeeting.h"

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Transport/Packing.h"
#include "lib/Runtime/Transport/UCX/UCXTags.h"

#include <algorithm>
#include <netdb.h>
#include <thread>
#include <unistd.h>

using namespace bitpipe;

namespace {

using Clock = std::chrono::steady_clock;

struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t bytes = 0;
  ucs_sock_addr_t get() const {
    return {reinterpret_cast<const sockaddr *>(&storage), bytes};
  }
};

/// All that the name stands for, or none.
std::vector<SocketAddress> resolve(const Rendezvous &rendezvous) {
  addrinfo hints = {}, *list = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  std::string port = std::to_string(rendezvous.port);
  std::vector<SocketAddress> addresses;
  if (getaddrinfo(rendezvous.address.c_str(), port.c_str(), &hints, &list))
    return addresses;
  for (const addrinfo *found = list; found; found = found->ai_next) {
    SocketAddress &address = addresses.emplace_back();
    address.bytes = found->ai_addrlen;
    std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  }
  freeaddrinfo(list);
  return addresses;
}

std::string textOf(const Rendezvous &rendezvous) {
  return rendezvous.address + ":" + std::to_string(rendezvous.port);
}

std::string hostName() {
  char name[256] = {};
  gethostname(name, sizeof(name) - 1);
  return name;
}

// A hello: what it is, the run's job and size, the rank, its host and its address.
constexpr const char *helloMark = "bitpipe";
enum Hello { Mark, Job, Size, Rank, Host, Address, helloParts };

std::string helloOf(const UCXWorker &worker, const Launch &launch) {
  return packed({helloMark, launch.job, std::to_string(launch.size),
                 std::to_string(launch.rank), hostName(), worker.address()});
}

/// Rank 0's part: listens until all have come.
class Listener {
public:
  Listener(UCXWorker &worker, const Launch &launch)
      : worker(worker), launch(launch), peers(launch.size) {
    peers[0] = {hostName(), worker.address()};
  }

  std::vector<UCXPeer> meet(std::chrono::seconds timeout) {
    listen();
    Clock::time_point end = Clock::now() + timeout;
    while (missing() > 0) {
      if (Clock::now() > end)
        failMissing(timeout);
      acceptConnections();
      std::string hello;
      if (worker.take(tags::hello, hello))
        admit(hello);
    }
    std::vector<std::string> answer = {""};
    for (const UCXPeer &peer : peers)
      answer.insert(answer.end(), {peer.host, peer.address});
    for (int rank = 1; rank < launch.size; ++rank)
      reply(peers[rank].address, packed(answer));
    ucp_listener_destroy(listener);
    return std::move(peers);
  }

private:
  void listen() {
    std::vector<SocketAddress> addresses = resolve(launch.rendezvous);
    if (addresses.empty())
      fail("error: rank 0 cannot listen at ", textOf(launch.rendezvous),
           ": the name of the host is not known");
    // Its own name for itself need not be that by which others reach it.
    SocketAddress any = addresses.front();
    if (any.storage.ss_family == AF_INET)
      reinterpret_cast<sockaddr_in &>(any.storage).sin_addr.s_addr = INADDR_ANY;
    else
      reinterpret_cast<sockaddr_in6 &>(any.storage).sin6_addr = in6addr_any;
    ucp_listener_params_t params = {};
    params.field_mask =
        UCP_LISTENER_PARAM_FIELD_SOCK_ADDR | UCP_LISTENER_PARAM_FIELD_CONN_HANDLER;
    params.sockaddr = any.get();
    params.conn_handler = {[](ucp_conn_request_h request, void *listener) {
                             static_cast<Listener *>(listener)->requests.push_back(request);
                           },
                           this};
    ucs_status_t status = ucp_listener_create(worker, &params, &listener);
    if (status != UCS_OK)
      fail("error: rank 0 cannot listen at port ", launch.rendezvous.port, ": ",
           ucs_status_string(status), ": set BITPIPE_PORT to one that is free");
  }

  /// Those who connect are known by what they say, not by their connection.
  void acceptConnections() {
    for (ucp_conn_request_h request : requests) {
      ucp_ep_params_t params = {};
      params.field_mask = UCP_EP_PARAM_FIELD_CONN_REQUEST |
                          UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE |
                          UCP_EP_PARAM_FIELD_ERR_HANDLER;
      params.conn_request = request;
      params.err_mode = UCP_ERR_HANDLING_MODE_PEER;
      params.err_handler = {[](void *, ucp_ep_h, ucs_status_t) {}, nullptr};
      ucp_ep_h end;
      (void)ucp_ep_create(worker, &params, &end); // whoever is gone tries again
    }
    requests.clear();
  }

  int64_t missing() const {
    return std::count_if(peers.begin(), peers.end(),
                         [](const UCXPeer &peer) { return peer.address.empty(); });
  }

  [[noreturn]] void failMissing(std::chrono::seconds timeout) const {
    std::string ranks;
    for (int rank = 0; rank < launch.size; ++rank)
      if (peers[rank].address.empty())
        ranks += (ranks.empty() ? "" : ", ") + std::to_string(rank);
    fail("error: ", missing(), " of ", launch.size, " processes have not come to ",
         textOf(launch.rendezvous), " within ", timeout.count(), " s: ranks ", ranks);
  }

  void admit(const std::string &text) {
    auto hello = unpacked(text);
    if (!hello || hello->size() != helloParts || (*hello)[Mark] != helloMark)
      return; // of another program
    const std::string &address = (*hello)[Address];
    std::string refusal = refusalOf(*hello);
    if (!refusal.empty())
      return reply(address, packed({refusal}));
    peers[std::stoi((*hello)[Rank])] = {(*hello)[Host], address};
  }

  /// Why a process is not one of this run, or empty.
  std::string refusalOf(const std::vector<std::string> &hello) const {
    if (hello[Job] != launch.job)
      return joined("job '", hello[Job], "', expected '", launch.job, "'");
    if (hello[Size] != std::to_string(launch.size))
      return joined("a run of ", hello[Size], " processes, expected ", launch.size);
    int rank = std::atoi(hello[Rank].c_str());
    if (rank < 1 || rank >= launch.size)
      return joined("rank ", hello[Rank], ", expected 1 to ", launch.size - 1);
    const UCXPeer &known = peers[rank];
    if (!known.address.empty() && known.address != hello[Address])
      return joined("a second rank ", rank, " (the first is on ", known.host, ")");
    return "";
  }

  void reply(const std::string &address, const std::string &text) {
    ucp_ep_h end = worker.connect(address, true, [](void *, ucp_ep_h, ucs_status_t) {},
                                  nullptr);
    worker.send(end, tags::answer, text);
    worker.disconnect(end);
  }

  UCXWorker &worker;
  const Launch &launch;
  std::vector<UCXPeer> peers;
  ucp_listener_h listener = nullptr;
  std::vector<ucp_conn_request_h> requests;
};

/// Any other rank's part: connects until rank 0 is there.
class Caller {
public:
  Caller(UCXWorker &worker, const Launch &launch)
      : worker(worker), launch(launch), hello(helloOf(worker, launch)) {}

  std::vector<UCXPeer> meet(std::chrono::seconds timeout) {
    Clock::time_point end = Clock::now() + timeout;
    for (size_t attempt = 0; Clock::now() < end; ++attempt) {
      std::vector<SocketAddress> addresses = resolve(launch.rendezvous);
      failure = addresses.empty() ? UCS_ERR_INVALID_ADDR : UCS_OK;
      if (!addresses.empty() && ask(addresses[attempt % addresses.size()], end))
        return peersOf(*unpacked(answer));
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    fail("error: rank ", launch.rank, " cannot reach rank 0 at ",
         textOf(launch.rendezvous), " within ", timeout.count(), " s: ",
         failure == UCS_OK ? "no answer" : ucs_status_string(failure));
  }

private:
  /// Says hello and waits for the answer. False if the connection fails meanwhile.
  bool ask(const SocketAddress &address, Clock::time_point end) {
    ucp_ep_params_t params = {};
    params.field_mask = UCP_EP_PARAM_FIELD_FLAGS | UCP_EP_PARAM_FIELD_SOCK_ADDR |
                        UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE |
                        UCP_EP_PARAM_FIELD_ERR_HANDLER;
    params.flags = UCP_EP_PARAMS_FLAGS_CLIENT_SERVER;
    params.sockaddr = address.get();
    params.err_mode = UCP_ERR_HANDLING_MODE_PEER;
    params.err_handler = {[](void *caller, ucp_ep_h, ucs_status_t status) {
                            static_cast<Caller *>(caller)->failure = status;
                          },
                          this};
    ucp_ep_h connection;
    failure = ucp_ep_create(worker, &params, &connection);
    if (failure != UCS_OK)
      return false;
    ucp_request_param_t request = {};
    ucs_status_ptr_t sent =
        ucp_tag_send_nbx(connection, hello.data(), hello.size(), tags::hello, &request);
    bool answered = false;
    while (!answered && failure == UCS_OK && Clock::now() < end)
      answered = worker.take(tags::answer, answer);
    abandon(connection);
    worker.wait(sent);
    return answered;
  }

  /// Ends a connection at once, with what is under way.
  void abandon(ucp_ep_h connection) {
    ucp_request_param_t params = {};
    params.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS;
    params.flags = UCP_EP_CLOSE_FLAG_FORCE;
    worker.wait(ucp_ep_close_nbx(connection, &params));
  }

  std::vector<UCXPeer> peersOf(const std::vector<std::string> &answer) const {
    if (!answer[0].empty())
      fail("error: rank 0 at ", textOf(launch.rendezvous), " refuses rank ", launch.rank,
           ": ", answer[0]);
    std::vector<UCXPeer> peers;
    for (size_t i = 1; i < answer.size(); i += 2)
      peers.push_back({answer[i], answer[i + 1]});
    return peers;
  }

  UCXWorker &worker;
  const Launch &launch;
  std::string hello, answer;
  ucs_status_t failure = UCS_OK;
};

} // namespace

std::vector<UCXPeer> bitpipe::meetByUCX(UCXWorker &worker, const Launch &launch,
                                        std::chrono::seconds timeout) {
  if (launch.rank == 0)
    return Listener(worker, launch).meet(timeout);
  return Caller(worker, launch).meet(timeout);
}
