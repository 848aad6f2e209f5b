//===- SocketAddress.h - Where rank 0 listens, as numbers -------------------===//

#ifndef BITPIPE_RUNTIME_TRANSPORT_UCX_SOCKETADDRESS_H
#define BITPIPE_RUNTIME_TRANSPORT_UCX_SOCKETADDRESS_H

#include "lib/Runtime/Launch/Environment.h"

#include <ucp/api/ucp.h>
#include <vector>

namespace bitpipe {

struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t bytes = 0;

  ucs_sock_addr_t forUCX() const {
    return {reinterpret_cast<const sockaddr *>(&storage), bytes};
  }
  /// The same port at all addresses of this host.
  SocketAddress anyOfHost() const;
};

/// All that the name stands for; none if it is not known.
std::vector<SocketAddress> resolve(const Rendezvous &rendezvous);

/// "node7:29501".
inline std::string textOf(const Rendezvous &rendezvous) {
  return rendezvous.address + ":" + std::to_string(rendezvous.port);
}

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRANSPORT_UCX_SOCKETADDRESS_H
