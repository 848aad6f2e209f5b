//===- UCXWorker.h - A process's part in UCX --------------------------------===//
//
// Its worker, which sends and receives, and the ends of connections to others.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRANSPORT_UCX_UCXWORKER_H
#define BITPIPE_RUNTIME_TRANSPORT_UCX_UCXWORKER_H

#include <chrono>
#include <string>
#include <ucp/api/ucp.h>

namespace bitpipe {

class UCXWorker {
public:
  using Clock = std::chrono::steady_clock;
  static constexpr Clock::time_point never = Clock::time_point::max();

  /// `noteBytes`: how many bytes of the caller's own every request carries.
  UCXWorker(int processes, size_t noteBytes);
  UCXWorker(const UCXWorker &) = delete;
  /// Leaves everything to the end of the process, unless close was called.
  ~UCXWorker() = default;

  operator ucp_worker_h() const { return worker; }
  /// What others connect to.
  const std::string &address() const { return ownAddress; }

  /// What UCX calls when a connection fails, with `object`.
  using Handler = ucp_err_handler_cb_t;
  /// A connection to the worker at an address. With `watched` UCX notices when its
  /// process ends, but does without shared memory.
  ucp_ep_h connect(const std::string &address, bool watched, Handler failed, void *object);

  /// Up to which size a message leaves over a connection before it is asked for, as UCX
  /// prints it; 0 where it prints something else.
  static size_t eagerBytesOf(ucp_ep_h end);

  /// Sends a text and waits until it may be changed; false if the connection fails.
  bool send(ucp_ep_h end, ucp_tag_t tag, const std::string &text);
  /// Takes a text of this tag if one has come, otherwise waits a moment.
  bool take(ucp_tag_t tag, std::string &text);

  /// Lets UCX work once; waits a moment if there was nothing to do.
  void work();
  /// Works until a request is done, and returns what became of it. Gives it up after
  /// the deadline, if there is one.
  ucs_status_t wait(ucs_status_ptr_t request, Clock::time_point deadline = never);
  /// Ends a connection once all that was sent over it has arrived.
  void disconnect(ucp_ep_h end, Clock::time_point deadline = never);
  /// Ends the use of UCX.
  void close();

private:
  ucp_context_h context = nullptr;
  ucp_worker_h worker = nullptr;
  std::string ownAddress;
};

/// Throws a UserError if UCX refuses what it was asked for.
void checkUCX(ucs_status_t status, const char *what);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRANSPORT_UCX_UCXWORKER_H
