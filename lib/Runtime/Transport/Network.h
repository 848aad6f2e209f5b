//===- Network.h - Messages between processes -----------------------------===//
//
// What a library that connects processes (MPI, UCX) offers to the runtime. A
// channel is a number; messages of one channel from one rank to another are
// received in the order in which they were sent, into memory that their receive
// names. Nothing blocks and nothing is buffered beyond what the library does with
// small messages. One thread uses a network at a time (NetworkThread.h).
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRANSPORT_NETWORK_H
#define BITPIPE_RUNTIME_TRANSPORT_NETWORK_H

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace bitpipe {

/// A rank cannot be reached any more, or the library has failed.
struct NetworkError : std::runtime_error {
  NetworkError(int rank, const std::string &why)
      : std::runtime_error(why), rank(rank) {}
  int rank; // whose messages failed, -1: unknown
};

class Network {
public:
  /// What the library knows of a message under way.
  using Request = void *;

  virtual ~Network() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// The library with its version, for reports: "Open MPI 4.1.4".
  virtual std::string description() const = 0;

  /// The memory must stay as it is until the request is complete. Null: complete
  /// already.
  virtual Request send(int to, uint32_t channel, const void *data,
                       size_t bytes) = 0;
  virtual Request receive(int from, uint32_t channel, void *data,
                          size_t bytes) = 0;
  /// Lets the library work on what is under way.
  virtual void progress() = 0;
  /// Whether a request is complete; it is then gone.
  virtual bool test(Request request) = 0;
  /// Ends the use of the library once all ranks have come here.
  virtual void finish() = 0;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRANSPORT_NETWORK_H
