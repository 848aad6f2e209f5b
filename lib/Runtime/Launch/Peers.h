//===- Peers.h - Ranks on the same host, and whether they live --------------===//

#ifndef BITPIPE_RUNTIME_LAUNCH_PEERS_H
#define BITPIPE_RUNTIME_LAUNCH_PEERS_H

#include "lib/Runtime/Launch/World.h"

namespace bitpipe {

class Peers {
public:
  /// Every rank makes one at the same time.
  explicit Peers(World &world);
  ~Peers();
  Peers(const Peers &) = delete;
  Peers &operator=(const Peers &) = delete;

  /// A rank on this host whose process has ended, or -1.
  int ended() const;

private:
  struct Peer {
    int rank, handle;
  };
  std::vector<Peer> peers;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_LAUNCH_PEERS_H
