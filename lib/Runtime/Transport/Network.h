//===- Network.h - Messages between processes -----------------------------===//
//
// What a library that connects processes (MPI, UCX) offers to the runtime. A
// channel is a number; messages of one channel from one rank to another are
// received in the order in which they were sent, into memory that their receive
// names. Nothing blocks and nothing is buffered beyond what the library does with
// small messages. One thread uses a network at a time (NetworkThread.h).
//
// Each library is wrapped in a shared object of its own, so that the runtime starts
// without it (NetworkLibrary.h). It hands back tokens and advances no counters:
// it has its own copy of the tables by which the C++ library wakes waiting threads.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRANSPORT_NETWORK_H
#define BITPIPE_RUNTIME_TRANSPORT_NETWORK_H

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace bitpipe {

/// A rank cannot be reached any more, or the library has failed.
struct NetworkError : std::runtime_error {
  NetworkError(int rank, const std::string &why)
      : std::runtime_error(why), rank(rank) {}
  int rank; // whose messages failed, -1: unknown
};

/// Channels of the devices' messages and sums lie below this number, those of the
/// world and the watch from here on. That is as far as Open MPI over UCX counts,
/// and enough for 2800 devices.
constexpr uint32_t firstControlChannel = 0x7f0000;
/// All channels lie below this number.
constexpr uint32_t endOfChannels = firstControlChannel + 0x100;

class Network {
public:
  /// What the caller knows a message by.
  using Token = void *;

  virtual ~Network() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// The library with its version, for reports: "Open MPI 4.1.4".
  virtual std::string description() const = 0;

  /// Messages of up to so many bytes leave for a rank whether it has asked for them or
  /// not, as far as is known: 0 before the first message to it. Any thread may ask.
  virtual size_t eagerBytes(int to) const { return 0; }

  /// Starts a message. Its memory must stay as it is until poll returns its token.
  /// A receive may be larger than what comes, not smaller. Throws a NetworkError.
  virtual void send(int to, uint32_t channel, const void *data, size_t bytes,
                    Token token) = 0;
  virtual void receive(int from, uint32_t channel, void *data, size_t bytes,
                       Token token) = 0;
  /// Lets the library work on what is under way, and appends the tokens of what is
  /// complete. Throws a NetworkError.
  virtual void poll(std::vector<Token> &completed) = 0;
  /// Ends the use of the library once all ranks have come here; nothing may be
  /// under way. To be called by the thread that connected. A process that ends
  /// for a fault leaves this out. Throws a NetworkError if others do not come.
  virtual void finish() = 0;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRANSPORT_NETWORK_H
