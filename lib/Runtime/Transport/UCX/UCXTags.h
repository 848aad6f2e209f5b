//===- UCXTags.h - What the tags of messages mean ---------------------------===//
//
// UCX has 64 bits: the upper half is the sender's rank, the lower one the channel.
// Numbers that no rank has are for the beginning and the end.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRANSPORT_UCX_UCXTAGS_H
#define BITPIPE_RUNTIME_TRANSPORT_UCX_UCXTAGS_H

#include <cstdint>

namespace bitpipe::tags {

constexpr uint64_t of(int from, uint32_t channel) {
  return (uint64_t(from) << 32) | channel;
}
constexpr uint64_t hello = of(-1, 0), answer = of(-1, 1), goodbye = of(-1, 2);

} // namespace bitpipe::tags

#endif // BITPIPE_RUNTIME_TRANSPORT_UCX_UCXTAGS_H
