//===- UCXCaller.cpp - A process looks for rank 0 ---------------------------===//

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Launch/Host.h"
#include "lib/Runtime/Transport/UCX/SocketAddress.h"
#include "lib/Runtime/Transport/UCX/UCXHello.h"
#include "lib/Runtime/Transport/UCX/UCXTags.h"

#include <thread>

using namespace bitpipe;

namespace {

using Clock = std::chrono::steady_clock;

class Caller {
public:
  Caller(UCXWorker &worker, const Launch &launch)
      : worker(worker), launch(launch),
        hello(packed(UCXHello{launch.job, launch.size, launch.rank,
                              {hostIdentity(), worker.address()}})) {}

  /// Tries all addresses of rank 0's host in turn, until it is there.
  std::vector<UCXPeer> meet(std::chrono::seconds timeout) {
    Clock::time_point end = Clock::now() + timeout;
    for (size_t attempt = 0; Clock::now() < end; ++attempt) {
      std::vector<SocketAddress> addresses = resolve(launch.rendezvous);
      if (addresses.empty())
        why = "no such host is known";
      else if (auto answer = ask(addresses[attempt % addresses.size()], end))
        return peersOf(*answer);
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    fail("error: rank ", launch.rank, " cannot reach rank 0 at ",
         textOf(launch.rendezvous), " within ", timeout.count(), " s: ", why);
  }

private:
  /// Says hello and waits for the answer; nothing if the connection fails meanwhile.
  std::optional<UCXAnswer> ask(const SocketAddress &address, Clock::time_point end) {
    ucs_status_t failure = UCS_OK;
    ucp_ep_h connection = connect(address, failure);
    if (!connection)
      return std::nullopt;
    ucp_request_param_t params = {};
    ucs_status_ptr_t sent =
        ucp_tag_send_nbx(connection, hello.data(), hello.size(), tags::hello, &params);
    std::string text;
    std::optional<UCXAnswer> answer;
    while (!answer && failure == UCS_OK && Clock::now() < end)
      if (worker.take(tags::answer, text))
        answer = unpackedAnswer(text);
    abandon(connection);
    worker.wait(sent);
    why = failure == UCS_OK ? "no answer" : ucs_status_string(failure);
    return answer;
  }

  /// `failure` is set if the connection fails, now or later. Null: it has.
  ucp_ep_h connect(const SocketAddress &address, ucs_status_t &failure) {
    ucp_ep_params_t params = {};
    params.field_mask = UCP_EP_PARAM_FIELD_FLAGS | UCP_EP_PARAM_FIELD_SOCK_ADDR |
                        UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE |
                        UCP_EP_PARAM_FIELD_ERR_HANDLER;
    params.flags = UCP_EP_PARAMS_FLAGS_CLIENT_SERVER;
    params.sockaddr = address.forUCX();
    params.err_mode = UCP_ERR_HANDLING_MODE_PEER;
    params.err_handler = {[](void *failure, ucp_ep_h, ucs_status_t status) {
                            *static_cast<ucs_status_t *>(failure) = status;
                          },
                          &failure};
    ucp_ep_h connection = nullptr;
    failure = ucp_ep_create(worker, &params, &connection);
    if (failure != UCS_OK)
      why = ucs_status_string(failure);
    return failure == UCS_OK ? connection : nullptr;
  }

  /// Ends a connection at once, with what is under way.
  void abandon(ucp_ep_h connection) {
    ucp_request_param_t params = {};
    params.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS;
    params.flags = UCP_EP_CLOSE_FLAG_FORCE;
    worker.wait(ucp_ep_close_nbx(connection, &params));
  }

  std::vector<UCXPeer> peersOf(UCXAnswer &answer) const {
    if (!answer.refusal.empty())
      fail("error: rank 0 at ", textOf(launch.rendezvous), " refuses rank ", launch.rank,
           ": ", answer.refusal);
    return std::move(answer.peers);
  }

  UCXWorker &worker;
  const Launch &launch;
  std::string hello;
  std::string why; // the last attempt has failed
};

} // namespace

std::vector<UCXPeer> bitpipe::callByUCX(UCXWorker &worker, const Launch &launch,
                                        std::chrono::seconds timeout) {
  return Caller(worker, launch).meet(timeout);
}
