//===- UCXHello.h - What processes say when they meet -----------------------===//

#ifndef BITPIPE_RUNTIME_TRANSPORT_UCX_UCXHELLO_H
#define BITPIPE_RUNTIME_TRANSPORT_UCX_UCXHELLO_H

#include "lib/Runtime/Transport/Packing.h"
#include "lib/Runtime/Transport/UCX/UCXMeeting.h"

#include <cstdlib>

namespace bitpipe {

/// A process to rank 0.
struct UCXHello {
  std::string job;
  int size, rank;
  UCXPeer self;
};

constexpr const char *helloMark = "bitpipe";

inline std::string packed(const UCXHello &hello) {
  return packed({helloMark, hello.job, std::to_string(hello.size),
                 std::to_string(hello.rank), hello.self.host, hello.self.address});
}

/// Nothing if another program has said it.
inline std::optional<UCXHello> unpackedHello(const std::string &text) {
  auto parts = unpacked(text);
  if (!parts || parts->size() != 6 || (*parts)[0] != helloMark)
    return std::nullopt;
  return UCXHello{(*parts)[1], std::atoi((*parts)[2].c_str()),
                  std::atoi((*parts)[3].c_str()), {(*parts)[4], (*parts)[5]}};
}

/// Rank 0 to a process: either why it is refused, or all processes by rank.
struct UCXAnswer {
  std::string refusal;
  std::vector<UCXPeer> peers;
};

inline std::string packed(const UCXAnswer &answer) {
  std::vector<std::string> parts = {answer.refusal};
  for (const UCXPeer &peer : answer.peers)
    parts.insert(parts.end(), {peer.host, peer.address});
  return packed(parts);
}

inline std::optional<UCXAnswer> unpackedAnswer(const std::string &text) {
  auto parts = unpacked(text);
  if (!parts || parts->size() % 2 == 0)
    return std::nullopt;
  UCXAnswer answer = {(*parts)[0], {}};
  for (size_t i = 1; i < parts->size(); i += 2)
    answer.peers.push_back({(*parts)[i], (*parts)[i + 1]});
  return answer;
}

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRANSPORT_UCX_UCXHELLO_H
